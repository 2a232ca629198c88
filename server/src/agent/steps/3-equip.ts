import { withClientTools } from "../client-tools.ts";
import type { AgentDeps } from "../deps.ts";
import type { EquippedTurn, PlacedTurn } from "../values.ts";

/** Step 3: chooses tools and the path: a direct call for commands, buttons and payloads, the loop for all else. */
export function equip(deps: AgentDeps, turn: PlacedTurn): EquippedTurn {
  const { emitter, trace, claimed } = turn.run;
  const own = deps.toolbox.select(turn.agent, claimed.turn.trigger);
  const { direct: call, client } = claimed.turn.payload;
  // What a client offers a model says nothing about a call that asks none.
  const { tools, runnable, clientTools } = withClientTools(own, call === undefined ? client : undefined);
  const path: EquippedTurn["path"] = call === undefined ? { kind: "loop" } : { kind: "direct", call };
  const modules = deps.modules.map((module) => module.id).join(" ");
  const detail =
    call === undefined
      ? `${tools.specs.length} tools, modules ${modules === "" ? "none" : modules}`
      : `direct ${call.tool}`;
  trace.push({ at: deps.clock.now(), what: "equip", detail });
  emitter.step("equip", "completed", detail);
  return { ...turn, tools, runnable, clientTools, path };
}
