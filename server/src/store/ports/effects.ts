import {
  EFFECT_PRIORITY,
  type Effect,
  type EffectOutcome,
  type EffectRecord,
  type EffectState,
  type EffectStore,
  type LaneBacklog,
  SUBJECTS,
} from "@troupe/contracts";
import { type Row, ringing, write, writeRows } from "../statement.ts";
import type { EffectTable, TupleOf } from "../tables.ts";
import { type EffectColumns, type EffectSelects, effectSelects, effectWrites } from "./effect-statements.ts";
import { LANES, laneNumber, laneOf, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { troublesOf, troubleText } from "./troubles.ts";

const LEAST_URGENT = 9;

/** Which versions of a payload can be handled is the handlers' to say; here it is kept as it came. */
export function createEffectStore(deps: PortDeps): EffectStore {
  return { ...storeWrites(deps), ...storeReads(deps) };
}

function storeWrites(
  deps: PortDeps,
): Pick<EffectStore, "put" | "claim" | "renew" | "settle" | "settleDone" | "shed" | "unpark"> {
  const writes = effectWrites(deps);
  return {
    put: (effect) => {
      const put = write(writes.put, {
        ...effect,
        lane: laneNumber(effect.lane),
        payload: JSON.stringify(effect.payload),
        priority: Math.min(Math.max(Math.trunc(effect.priority ?? EFFECT_PRIORITY), 0), LEAST_URGENT),
        dueAt: effect.dueAt ?? effect.createdAt,
      });
      return ringing(put, SUBJECTS.effectDue);
    },
    claim: ({ only, lane, ...query }) =>
      writeRows(
        only === undefined ? writes.claim : writes.claimOnly,
        { ...query, lane: laneNumber(lane), kind: only?.kind, v: only?.v },
        (rows) => rows.toSorted(byUrgency).map((row) => effectOf(deps, row)),
      ),
    renew: ({ ids, ...query }) =>
      writeRows(writes.renew, { ...query, ids: JSON.stringify(ids) }, (rows) =>
        rows.map(([id, epoch]) => ({ id: String(id), epoch: Number(epoch) })),
      ),
    settle: ({ id, epoch }, outcome, at) => {
      const error = outcome.kind === "done" ? undefined : outcome.error;
      return write(writes.settle, {
        ...{ id, epoch, error, state: stateAfter(outcome) },
        dueAt: outcome.kind === "retry" ? outcome.dueAt : undefined,
        uncounted: outcome.kind === "retry" && outcome.isUncounted === true ? 1 : 0,
        trouble: troubleText(error, at),
        endedAt: outcome.kind === "retry" ? undefined : at,
      });
    },
    settleDone: (effects, at) =>
      write(writes.settleDone, {
        ids: JSON.stringify(effects.map(({ id }) => id)),
        claims: JSON.stringify(effects.map(({ id, epoch }) => `${id} ${epoch}`)),
        ...{ count: effects.length, endedAt: at },
      }),
    shed: ({ lane, kinds, ...query }) =>
      writeRows(writes.shed, { ...query, lane: laneNumber(lane), kinds: JSON.stringify(kinds) }, (rows) =>
        rows.map(([id, kind, turnId]) => ({ id: String(id), kind: String(kind), turnId: String(turnId) })),
      ),
    unpark: (versions, at) =>
      writeRows(
        writes.unpark,
        { versions: JSON.stringify(versions.map(({ kind, v }) => `${kind} ${v}`)), at },
        (rows) => rows.map(([id, kind]) => ({ id: String(id), kind: String(kind) })),
      ),
  };
}

function storeReads(
  deps: PortDeps,
): Pick<EffectStore, "lanes" | "backlog" | "parked" | "ofTurn" | "firstOpenTurn" | "list" | "nextDue"> {
  const { reads } = deps;
  const selects = effectSelects(deps);
  return {
    async lanes(spaceId, options) {
      const rows = await reads.farRows(selects.lanes, { spaceId }, options);
      return LANES.map((lane) => backlogOf(lane, rows));
    },
    async backlog(lane, atMost, options) {
      const row = await reads.row(selects.backlog, { lane: laneNumber(lane), atMost }, options);
      return Number(row?.[0] ?? 0);
    },
    async parked(options) {
      const rows = await reads.rows(selects.parked, {}, options);
      return rows.map(([kind, v]) => ({ kind: String(kind), v: Number(v) }));
    },
    async ofTurn(turnId, options) {
      return (await reads.rows(selects.ofTurn, { turnId }, options)).map((row) => recordOf(deps, row));
    },
    async firstOpenTurn({ kinds, ...query }, options) {
      const input = { ...query, kinds: JSON.stringify(kinds) };
      const [row] = await reads.farRows(selects.firstOpenTurn, input, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const input = {
        spaceId: query.spaceId,
        states: JSON.stringify(query.states),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const rows = await reads.farRows(selects[listOf(query.states)], input, options);
      return pageOf(
        rows,
        limit,
        (row) => recordOf(deps, row),
        (row) => String(row[0]),
      );
    },
    async nextDue(lane, options) {
      const row = await reads.row(selects.nextDue, { lane: laneNumber(lane) }, options);
      return (row?.[0] ?? undefined) as number | undefined;
    },
  };
}

/** Of rows by lane and state. */
function backlogOf(lane: LaneBacklog["lane"], rows: readonly Row[]): LaneBacklog {
  const of = (state: string) => rows.find((row) => laneOf(Number(row[0])) === lane && row[1] === state) ?? [];
  const [, , pending = 0, due = 0, dueSince, oldestPending] = of("pending");
  const [, , running = 0, , , oldestRunning] = of("running");
  const oldest = [oldestPending, oldestRunning].filter((at) => at !== null && at !== undefined).map(Number);
  return {
    lane,
    running: Number(running),
    due: Number(due),
    later: Number(pending) - Number(due),
    dueSince: dueSince === null || dueSince === undefined ? undefined : Number(dueSince),
    oldestAt: oldest.length === 0 ? undefined : Math.min(...oldest),
  };
}

/** All but the done ones have indexes of their own; those are most of all rows. */
function listOf(states: readonly EffectState[]): "list" | Extract<keyof EffectSelects, `list${string}`> {
  const areAll = (...some: readonly EffectState[]) => states.every((state) => some.includes(state));
  if (areAll("parked", "dead")) return "listLost";
  return areAll("shed") ? "listShed" : "list";
}

function stateAfter(outcome: EffectOutcome): EffectState {
  return outcome.kind === "retry" ? "pending" : outcome.kind;
}

/** The number of its place among the columns. */
const ROW = 0;
const PRIORITY = 12;
const DUE_AT = 13;

function byUrgency(a: Row, b: Row): number {
  for (const column of [PRIORITY, DUE_AT, ROW]) {
    const difference = Number(a[column]) - Number(b[column]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function effectOf(deps: PortDeps, row: Row): Effect {
  const [, id, spaceId, kind, v, lane, turnId, sessionId, payload, attempt, epoch, createdAt] =
    row as unknown as TupleOf<EffectTable, EffectColumns>;
  return {
    id,
    spaceId,
    kind,
    v,
    lane: laneOf(lane),
    turnId,
    sessionId,
    payload: payloadOf(deps, id, payload),
    attempt,
    epoch,
    createdAt,
  };
}

function recordOf(deps: PortDeps, row: Row): EffectRecord {
  const [priority, dueAt, state, endedAt, error, key, errors] = row.slice(PRIORITY) as [
    number,
    number,
    EffectState,
    number | null,
    string | null,
    string | null,
    string | null,
  ];
  return {
    ...effectOf(deps, row),
    ...{ state, priority, dueAt, errors: troublesOf(errors) },
    ...(key === null ? {} : { key }),
    ...(error === null ? {} : { error }),
    ...(endedAt === null ? {} : { endedAt }),
  };
}

/** An unreadable payload is given as empty: its handler refuses it and the effect ends dead, where an operator sees it. */
function payloadOf({ logger }: PortDeps, id: string, text: string): Effect["payload"] {
  try {
    return JSON.parse(text) as Effect["payload"];
  } catch (error) {
    logger.error("store.payload-unreadable", { what: "effect", id, error });
    return {};
  }
}
