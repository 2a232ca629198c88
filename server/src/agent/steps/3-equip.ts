import { hasModule } from "../../kit/index.ts";
import { withClientTools } from "../client-tools.ts";
import { decideAll } from "../decide.ts";
import type { AgentDeps } from "../deps.ts";
import type { DecidedModule, EquippedTurn, PlacedTurn } from "../values.ts";

/**
 * Step 3: chooses tools and the path: a direct call for commands, buttons and payloads, the loop for all else; and lets
 * modules decide about their tasks. A promise only where one of them does.
 */
export function equip(
  deps: AgentDeps,
  turn: PlacedTurn,
  signal: AbortSignal,
): EquippedTurn | Promise<EquippedTurn> {
  const { claimed } = turn.run;
  const own = deps.toolbox.select(turn.agent, claimed.turn.trigger);
  const { direct: call, client } = claimed.turn.payload;
  // What a client offers a model says nothing about a call that asks none.
  const { tools, runnable, clientTools } = withClientTools(own, call === undefined ? client : undefined);
  const path: EquippedTurn["path"] = call === undefined ? { kind: "loop" } : { kind: "direct", call };
  const equipped = (decided: readonly DecidedModule[]): EquippedTurn => {
    const whole = { ...turn, decided, tools, runnable, clientTools, path };
    tell(deps, whole);
    return whole;
  };
  const deciding = call === undefined ? decideAll(deps, turn, signal) : undefined;
  return deciding === undefined ? equipped([]) : deciding.then(equipped);
}

function tell({ modules, clock }: AgentDeps, { run, agent, tools, path, decided }: EquippedTurn): void {
  const ids = modules.filter(({ id }) => hasModule(agent.spec, id)).map(({ id }) => id);
  const choice =
    path.kind === "loop"
      ? `${tools.specs.length} tools, modules ${ids.length === 0 ? "none" : ids.join(" ")}`
      : `direct ${path.call.tool}`;
  const detail = [choice, ...decided.map((one) => one.detail).filter((one) => one !== "")].join("; ");
  run.trace.push({ at: clock.now(), what: "equip", detail });
  run.emitter.step("equip", "completed", detail);
}
