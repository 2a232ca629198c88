import type { CallOptions, TurnControl } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { ControlDeps } from "./control.ts";

/** A turn that ends may have begun others in its last moment; so often they are looked for again. */
const ROUNDS = 8;
const PAGE = 200;
/** Turns that one turn caused by itself or through others, where it stands in the middle of a chain. */
const MOST_BELOW = 2_000;

interface TreeStop {
  /** From here on nothing of the tree begins that has not begun yet. */
  begin(
    turnId: string,
    reason: string,
    options: CallOptions,
  ): Promise<{
    /** Stops all that was begun; resolves with how many turns that were. */ stop(
      options: CallOptions,
    ): Promise<number>;
  }>;
}

type Deps = Pick<ControlDeps, "unit" | "turns" | "agentDeliveries" | "clock" | "logger">;
type Cancel = TurnControl["cancel"];

async function cancelAll(
  deps: Deps,
  cancel: Cancel,
  ids: readonly string[],
  reason: string,
  options: CallOptions,
): Promise<void> {
  const outcomes = await Promise.allSettled(ids.map((id) => cancel(id, { reason }, options)));
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled" || TroupeError.is(outcome.reason, "request.not_found")) continue;
    deps.logger.error("turn.tree_stop_failed", { turnId: ids[at], error: outcome.reason });
  }
}

async function openOf(
  deps: Deps,
  of: { readonly rootTurnId: string } | { readonly parentTurnId: string },
  spaceId: string,
  options: CallOptions,
): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { spaceId, ...of, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await deps.turns.list(query, options);
    ids.push(...items.filter(({ state }) => state === "queued" || state === "running").map(({ id }) => id));
    cursor = next;
  } while (cursor !== undefined);
  return ids;
}

async function stopChain(
  deps: Deps,
  cancel: Cancel,
  rootTurnId: string,
  spaceId: string,
  reason: string,
  options: CallOptions,
): Promise<number> {
  const stopped = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const open = (await openOf(deps, { rootTurnId }, spaceId, options)).filter((id) => !stopped.has(id));
    if (open.length === 0) break;
    await cancelAll(deps, cancel, open, reason, options);
    for (const id of open) stopped.add(id);
  }
  return stopped.size;
}

async function stopBelow(
  deps: Deps,
  cancel: Cancel,
  turnId: string,
  spaceId: string,
  reason: string,
  options: CallOptions,
): Promise<number> {
  const seen = [turnId];
  const stopped: string[] = [];
  for (let at = 0; at < seen.length && seen.length < MOST_BELOW; at++) {
    const parentTurnId = seen[at] ?? "";
    const waiting = (await deps.agentDeliveries.ofTurn(parentTurnId, options)).filter(
      ({ state }) => state === "waiting",
    );
    const now = deps.clock.now();
    if (waiting.length > 0)
      await deps.unit.commit(
        waiting.map(({ messageId, channelId, to }) =>
          deps.agentDeliveries.end({ messageId, channelId, to, state: "cancelled", reason, at: now }),
        ),
        options,
      );
    const { items } = await deps.turns.list({ spaceId, parentTurnId, limit: PAGE }, options);
    const open = items.filter(({ state }) => state === "queued" || state === "running").map(({ id }) => id);
    await cancelAll(deps, cancel, open, reason, options);
    stopped.push(...open);
    seen.push(...items.map(({ id }) => id).filter((id) => !seen.includes(id)));
  }
  return stopped.length;
}

/** Stops what a turn caused: the whole chain of a turn that began one, else the turns below it. */
export function createTreeStop(deps: Deps, cancel: Cancel): TreeStop {
  return {
    async begin(turnId, reason, options) {
      const turn = await deps.turns.get(turnId, options);
      if (turn === undefined)
        throw new TroupeError(`There is no turn ${turnId}.`, { code: "request.not_found" });
      const { spaceId } = turn;
      if (turn.payload.cause?.rootTurnId !== undefined)
        return { stop: (call) => stopBelow(deps, cancel, turnId, spaceId, reason, call) };
      const at = deps.clock.now();
      await deps.unit.commit(
        [deps.agentDeliveries.stop({ spaceId, rootTurnId: turnId, reason, at })],
        options,
      );
      return { stop: (call) => stopChain(deps, cancel, turnId, spaceId, reason, call) };
    },
  };
}
