import type { TurnControl } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import type { ActiveTurns } from "./active-turns.ts";
import { afterEndOf } from "./after-end.ts";
import type { AgentDeps } from "./deps.ts";
import { createTreeStop } from "./stop-tree.ts";

export interface Control extends TurnControl {
  /** Stops a turn that runs in this process; does nothing for others. */
  stopLocal(turnId: string, reason: string): void;
}

export type ControlDeps = Pick<
  AgentDeps,
  | "unit"
  | "turns"
  | "inbox"
  | "effects"
  | "ledger"
  | "feed"
  | "bus"
  | "clock"
  | "ids"
  | "agentDeliveries"
  | "logger"
> & {
  readonly active: Pick<ActiveTurns, "get">;
};

export function createControl(deps: ControlDeps): Control {
  const { unit, turns, clock } = deps;

  const stopLocal = (turnId: string, reason: string): void =>
    deps.active.get(turnId)?.work.abort(new TroupeError(`Stopped: ${reason}.`, { code: "turn.cancelled" }));

  const ring = (kind: string, payload: Readonly<Record<string, unknown>>): void =>
    deps.bus.publish(kind, { id: deps.ids.next(), kind, v: 1, at: clock.now(), payload });

  /** False: it is not queued any more. */
  const cancelQueued = async (turnId: string, reason: string, signal: AbortSignal): Promise<boolean> => {
    const turn = await turns.get(turnId, { signal });
    if (turn === undefined)
      throw new TroupeError(`There is no turn ${turnId}.`, { code: "request.not_found" });
    if (turn.state !== "queued") return false;
    const at = clock.now();
    const effects = afterEndOf(turn, { state: "cancelled", at });
    try {
      const writes = [
        turns.cancelQueued(turnId, at),
        deps.inbox.end(turnId, "cancelled", at, reason),
        turns.markMessages(turnId, "cancelled"),
        ...(turn.reservedMicroUsd === 0 ? [] : [deps.ledger.release(turnId)]),
        ...effects.map((effect) => deps.effects.put(effect)),
      ];
      await unit.commit(writes, { signal });
    } catch (error) {
      if (TroupeError.is(error, "store.conflict")) return false;
      throw error;
    }
    deps.feed.publish({
      type: "end",
      state: "cancelled",
      text: "",
      usage: turn.usage,
      costUsd: 0,
      turnId,
      attempt: 0,
      n: 0,
    });
    for (const { lane } of effects) ring(SUBJECTS.effectDue, { lane });
    return true;
  };

  const cancelOne: TurnControl["cancel"] = async (turnId, { reason }, { signal }) => {
    if (await cancelQueued(turnId, reason, signal)) return { kind: "cancelled", state: "cancelled" };
    const request = turns.requestCancel(turnId);
    const { state } = (await unit.commit([request], { signal })).read(request);
    if (state === undefined)
      throw new TroupeError(`There is no turn ${turnId}.`, { code: "request.not_found" });
    if (state !== "running") return { kind: "ended", state };
    if (deps.active.get(turnId) !== undefined) stopLocal(turnId, reason);
    else ring(SUBJECTS.turnCancel, { turnId, reason });
    return { kind: "requested", state };
  };

  return {
    stopLocal,
    async cancel(turnId, by, options) {
      const stopsTree = by.tree === true ? createTreeStop(deps, cancelOne) : undefined;
      // What it caused may begin no more, then it ends, then all that it caused.
      const chain = await stopsTree?.begin(turnId, by.reason, options);
      const result = await cancelOne(turnId, by, options);
      const stopped = (await chain?.stop(options)) ?? 0;
      return result.kind === "ended" && stopped > 0 ? { ...result, kind: "requested" } : result;
    },
  };
}
