import type { DirectCall } from "@troupe/contracts";
import type { AgentDeps } from "../deps.ts";
import type { EquippedTurn, PlacedTurn } from "../values.ts";

/** Step 3: chooses tools and the path: a direct call for commands, buttons and payloads, the loop for all else. */
export function equip(deps: AgentDeps, turn: PlacedTurn): EquippedTurn {
  const { emitter, trace, claimed } = turn.run;
  const tools = deps.toolbox.select(turn.agent, claimed.turn.trigger);
  const call = directCall(deps, turn);
  const path: EquippedTurn["path"] = call === undefined ? { kind: "loop" } : { kind: "direct", call };
  const modules = deps.modules.map((module) => module.id).join(" ");
  const detail =
    call === undefined
      ? `${tools.specs.length} tools, modules ${modules === "" ? "none" : modules}`
      : `direct ${call.tool}`;
  trace.push({ at: deps.clock.now(), what: "equip", detail });
  emitter.step("equip", "completed", detail);
  return { ...turn, tools, path };
}

function directCall(deps: AgentDeps, turn: PlacedTurn): DirectCall | undefined {
  const { direct } = turn.run.claimed.turn.payload;
  if (direct !== undefined) return direct;
  return turn.run.inbound.length === 1 && turn.text.startsWith("/")
    ? deps.toolbox.parseCommand(turn.text)
    : undefined;
}
