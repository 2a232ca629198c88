import {
  type CallOptions,
  type Clock,
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterSource,
  type IdGenerator,
  type Logger,
  type MessageBus,
  type Stores,
  SUBJECTS,
  type Write,
} from "@troupe/contracts";
import { redeliveries } from "../delegation/index.ts";
import type { AdminRequest } from "../gateway/index.ts";
import type { WakeLoop } from "../kit/index.ts";

/** Which dead letters: these, or those that a filter names. */
export type DeadLetterWish =
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  | { readonly kind: "filter"; readonly filter: DeadLetterFilter };

export type DeadLetterFilter = Pick<DeadLetterQuery, "kind" | "agentId" | "state" | "since" | "until">;

export interface DeadLetterSelection {
  readonly wish: DeadLetterWish;
  readonly isDry: boolean;
  readonly evenUnknown: boolean;
}

/** What a replay or a purge did, or in a dry run would do. */
export interface DeadLetterReport {
  readonly isDry: boolean;
  /** So many were named. */
  readonly found: number;
  /** Replayed or purged. */
  readonly changed: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Left as they are: may have arrived; no handler here knows them; turns, which are asked again; gone or stopped meanwhile. */
  readonly left: {
    readonly unknown: number;
    readonly parked: number;
    readonly turns: number;
    readonly gone: number;
  };
  /** Ids that no dead letter has, or has any more. */
  readonly missing: readonly string[];
  /** More are named than one call takes. */
  readonly isMore: boolean;
  /** When it was looked, UTC milliseconds: `until` for a call that is to mean the same. */
  readonly at: number;
}

export interface ChangeParts {
  readonly stores: Pick<Stores, "unit" | "deadLetters" | "agentChannels" | "effects">;
  /** Which versions of a kind of effects a handler here takes. */
  readonly versionsOf: (kind: string) => readonly number[] | undefined;
  readonly backlog: Pick<WakeLoop, "wake">;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
}

/** Of one call, so that it ends; the next takes the rest. */
const MOST = 10_000;
const PAGE = 200;

/** Replays or purges. What fails while it runs is not part of it; a repeat finds nothing any more. */
export async function changeDeadLetters(
  parts: ChangeParts,
  what: "replay" | "purge",
  { wish, isDry, evenUnknown }: DeadLetterSelection,
  request: Pick<AdminRequest, "principal" | "signal">,
): Promise<DeadLetterReport> {
  const { clock, logger } = parts;
  const { spaceId, id: by } = request.principal;
  const at = clock.now();
  const { letters, missing, isMore } = await lettersOf(parts, wish, { spaceId, at }, request);
  const left = { unknown: 0, parked: 0, turns: 0, gone: 0 };
  const chosen = letters.filter((letter) => {
    const why = what === "replay" ? keptBack(parts, letter, evenUnknown) : undefined;
    if (why !== undefined) left[why] += 1;
    return why === undefined;
  });
  const changed = isDry
    ? chosen
    : await changeAll(parts, what, chosen, { spaceId, at, evenUnknown }, request);
  left.gone = chosen.length - changed.length;
  const byKind: Record<string, number> = {};
  for (const { kind } of changed) byKind[kind] = (byKind[kind] ?? 0) + 1;
  if (!isDry && changed.length > 0) {
    logger.info(`dlq.${what}`, { by, count: changed.length, kinds: Object.keys(byKind) });
    if (what === "replay") ringFor(parts, changed);
    parts.backlog.wake();
  }
  const counts = { found: letters.length, changed: changed.length };
  return { isDry, ...counts, byKind, left, missing, isMore, at };
}

interface Found {
  readonly letters: readonly DeadLetter[];
  readonly missing: readonly string[];
  readonly isMore: boolean;
}

async function lettersOf(
  { stores }: ChangeParts,
  wish: DeadLetterWish,
  { spaceId, at }: { readonly spaceId: string; readonly at: number },
  options: CallOptions,
): Promise<Found> {
  if (wish.kind === "ids") {
    const found = await Promise.all(wish.ids.map((id) => stores.deadLetters.get(spaceId, id, options)));
    const letters = found.filter((one) => one !== undefined);
    const missing = wish.ids.filter((_id, n) => found[n] === undefined);
    return { letters, missing, isMore: false };
  }
  const letters: DeadLetter[] = [];
  const { until = at + 1, ...filter } = wish.filter;
  let cursor: string | undefined;
  do {
    const page = await stores.deadLetters.list(
      { ...{ spaceId, ...filter, until, limit: PAGE }, ...(cursor === undefined ? {} : { cursor }) },
      options,
    );
    letters.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && letters.length < MOST);
  return { letters, missing: [], isMore: cursor !== undefined };
}

function keptBack(
  { versionsOf }: ChangeParts,
  { source, state, kind }: DeadLetter,
  evenUnknown: boolean,
): "unknown" | "parked" | "turns" | undefined {
  if (source === "turn") return "turns";
  if (state === "unknown" && !evenUnknown) return "unknown";
  return state === "parked" && versionsOf(kind) === undefined ? "parked" : undefined;
}

/** Commits in portions, and gives those that were dead letters still. */
async function changeAll(
  { stores }: ChangeParts,
  what: "replay" | "purge",
  chosen: readonly DeadLetter[],
  how: { readonly spaceId: string; readonly at: number; readonly evenUnknown: boolean },
  options: CallOptions,
): Promise<readonly DeadLetter[]> {
  const { deadLetters, unit } = stores;
  const { spaceId, at, evenUnknown } = how;
  const changed: DeadLetter[] = [];
  const writeOf = (source: DeadLetterSource, ids: readonly string[]): Write<readonly string[]> => {
    const choice = { spaceId, ids, at };
    if (what === "purge") return deadLetters.purge(source, choice);
    // Turns were kept back before.
    return deadLetters.replay(source as Exclude<DeadLetterSource, "turn">, { ...choice, evenUnknown });
  };
  for (const [source, all] of Map.groupBy(chosen, (letter) => letter.source)) {
    for (let n = 0; n < all.length; n += PAGE) {
      const some = all.slice(n, n + PAGE);
      const write = writeOf(
        source,
        some.map(({ id }) => id),
      );
      const isDelivered = what === "replay" && source === "agent-message";
      const beside = isDelivered ? await redeliveries(stores, some.map(deliveryOf), at, options) : [];
      const ids = new Set((await unit.commit([write, ...beside], options)).read(write));
      changed.push(...some.filter(({ id }) => ids.has(id)));
    }
  }
  return changed;
}

function deliveryOf({ id, agentId = "" }: DeadLetter): { readonly messageId: string; readonly to: string } {
  return { messageId: id.slice(0, id.lastIndexOf(":")), to: agentId };
}

function ringFor({ bus, ids, clock }: ChangeParts, changed: readonly DeadLetter[]): void {
  const ring = (kind: string): void =>
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
  if (changed.some(({ source }) => source === "delivery")) ring(SUBJECTS.outboxDue);
  if (changed.some(({ source }) => source !== "delivery")) ring(SUBJECTS.effectDue);
}
