import type { CallOptions, Turn, TurnControl } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { ControlDeps } from "./control.ts";

/** A turn that ends may have begun others in its last moment; so often they are looked for again. */
const ROUNDS = 8;
const PAGE = 200;
/** Turns that one turn caused, by itself or through others; the limits of chains keep far below. */
const MOST = 5_000;

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

async function caused(
  deps: Deps,
  of: { readonly rootTurnId: string } | { readonly parentTurnId: string },
  spaceId: string,
  options: CallOptions,
): Promise<readonly Turn[]> {
  const turns: Turn[] = [];
  let cursor: string | undefined;
  do {
    const query = { spaceId, ...of, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await deps.turns.list(query, options);
    turns.push(...items);
    cursor = next;
  } while (cursor !== undefined && turns.length < MOST);
  return turns;
}

function openOnes(turns: readonly Turn[]): readonly string[] {
  return turns.filter(({ state }) => state === "queued" || state === "running").map(({ id }) => id);
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
    const all = await caused(deps, { rootTurnId }, spaceId, options);
    const open = openOnes(all).filter((id) => !stopped.has(id));
    if (open.length === 0) break;
    await cancelAll(deps, cancel, open, reason, options);
    for (const id of open) stopped.add(id);
  }
  return stopped.size;
}

/** From here on nothing begins that this turn said to agents, or where it began a chain, anything of the chain. */
function holdBack(deps: Deps, { id, spaceId }: Pick<Turn, "id" | "spaceId">, reason: string) {
  return deps.agentDeliveries.stop({ spaceId, turnId: id, reason, at: deps.clock.now() });
}

async function stopBelow(
  deps: Deps,
  cancel: Cancel,
  top: Pick<Turn, "id" | "spaceId">,
  reason: string,
  options: CallOptions,
): Promise<number> {
  const seen = new Set([top.id]);
  const stopped: string[] = [];
  for (const parentTurnId of seen) {
    if (seen.size > MOST) break;
    const turns = (await caused(deps, { parentTurnId }, top.spaceId, options)).filter(
      ({ id }) => !seen.has(id),
    );
    if (turns.length === 0) continue;
    await deps.unit.commit(
      turns.map((turn) => holdBack(deps, turn, reason)),
      options,
    );
    const open = openOnes(turns);
    await cancelAll(deps, cancel, open, reason, options);
    stopped.push(...open);
    for (const { id } of turns) seen.add(id);
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
      await deps.unit.commit([holdBack(deps, turn, reason)], options);
      return {
        stop: (call) =>
          turn.payload.cause?.rootTurnId === undefined
            ? stopChain(deps, cancel, turnId, turn.spaceId, reason, call)
            : stopBelow(deps, cancel, turn, reason, call),
      };
    },
  };
}
