import type { InstanceAction, NewEffect, NewModuleInstance, Write } from "@troupe/contracts";
import { activeEffects, derivedId, endedEffects, type InstanceChange, settleEffect } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import type { DecidedModule, ExecutedTurn } from "./values.ts";

/** What decisions of modules add to the commit that ends a turn. */
export interface DecidedWrites {
  readonly writes: readonly Write<unknown>[];
  readonly effects: readonly NewEffect[];
}

const NOTHING: DecidedWrites = { writes: [], effects: [] };

/**
 * Of a turn that was answered; of any other nothing is kept. Ids follow from turn, module and key, so a commit that is
 * tried again, and a later attempt that decides the same, keep each once.
 */
export function decidedAtEnd(
  { moduleInstances }: Pick<AgentDeps, "moduleInstances">,
  turn: ExecutedTurn,
  at: number,
): DecidedWrites {
  if (turn.state !== "replied" || turn.decided.length === 0) return NOTHING;
  const { id: turnId, spaceId } = turn.run.claimed.turn;
  const change: InstanceChange = { spaceId, turnId, sessionId: turn.run.claimed.session.id, at };
  const writes: Write<unknown>[] = [];
  const effects: NewEffect[] = [];
  for (const module of turn.decided) {
    const known = new Map(module.instances.map((one) => [one.id, one]));
    for (const action of module.actions) {
      if (action.kind === "update") {
        writes.push(moduleInstances.update({ ...action, at }));
      } else if (action.kind === "remove") {
        const { id, outcome, reason } = action;
        writes.push(moduleInstances.archive({ id, outcome, reason, at }));
        effects.push(...endedEffects({ id, callbacks: known.get(id)?.callbacks ?? {} }, outcome, change));
      } else {
        const added = instanceOf(turn, module, action, at);
        writes.push(moduleInstances.add(added));
        if (added.state === "active") effects.push(...activeEffects(added, change));
        // What it waits for may have ended since the module was shown it, and whoever ended that found nothing waiting.
        else if (added.dependsOn.some(({ id }) => known.has(id)))
          effects.push(settleEffect(added.id, "added", change));
      }
    }
  }
  return { writes, effects };
}

function instanceOf(
  turn: ExecutedTurn,
  { moduleId, actions }: DecidedModule,
  added: Extract<InstanceAction, { readonly kind: "add" }>,
  createdAt: number,
): NewModuleInstance {
  const { turn: record, session } = turn.run.claimed;
  const keys = new Set(actions.flatMap((action) => (action.kind === "add" ? [action.key] : [])));
  const idOf = (key: string): string => derivedId("module-instance", record.id, moduleId, key);
  const { key, title, v, payload, callbacks = {}, dependsOn = [] } = added;
  return {
    ...{ id: idOf(key), spaceId: record.spaceId, agentId: record.agentId, moduleId },
    ...{ sessionId: session.id, turnId: record.id, storylineId: turn.storyline.id },
    ...{ audience: session.audience, title, v, payload, callbacks, createdAt },
    state: dependsOn.length === 0 ? "active" : "blocked",
    dependsOn: dependsOn.map(({ on, ifFails = "hold" }) => ({ id: keys.has(on) ? idOf(on) : on, ifFails })),
  };
}
