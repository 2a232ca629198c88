import type { MemoryRecord } from "@troupe/contracts";
import { compareTexts, isKnownToAll, likenessKeys, redactText, slotKey } from "../kit/index.ts";

const DAY_MS = 86_400_000;
/** Nobody told or asked for it in all that time. */
const STALE_DAYS = 365;
/** Of "note 1" to "note 9000" each is like all others; those with its very words have a key of their own. */
const MOST_OF_KEY = 8;

/** What may be wrong with records, by their ids. */
export interface MemoryAudit {
  readonly looked: number;
  /** The same words, kind, place and audience. */
  readonly exact: readonly (readonly string[])[];
  /** One says the same as the other and little more, or both answer one question otherwise. */
  readonly near: readonly (readonly string[])[];
  /** Over by their own account, or neither told again nor asked for since long. */
  readonly stale: readonly string[];
  /** Their words look like a password, key or token. */
  readonly secret: readonly string[];
  /** Told to somebody who does not know a record that they were made from. */
  readonly breaches: readonly string[];
  /** Made from records that were made from them. */
  readonly loops: readonly string[];
}

/** Looks at open records, which are all of one space; `closed` are those that they may rest on. Changes nothing. */
export function auditMemories(
  open: readonly MemoryRecord[],
  closed: readonly MemoryRecord[],
  now: number,
): MemoryAudit {
  const byId = new Map([...closed, ...open].map((record) => [record.id, record]));
  return {
    looked: open.length,
    ...duplicatesOf(open),
    stale: open.filter((record) => isStale(record, now)).map(({ id }) => id),
    secret: open.filter(({ text }) => redactText(text) !== text).map(({ id }) => id),
    breaches: open.filter((record) => isBreach(record, byId)).map(({ id }) => id),
    loops: open.filter((record) => isLoop(record, byId)).map(({ id }) => id),
  };
}

function duplicatesOf(open: readonly MemoryRecord[]): Pick<MemoryAudit, "exact" | "near"> {
  const exact: string[][] = [];
  const near: string[][] = [];
  const seen = new Map<string, MemoryRecord[]>();
  for (const record of open) {
    const place = placeOf(record);
    const keys = [...likenessKeys(record.text), ...(record.slot === undefined ? [] : [slotKey(record.slot)])];
    const others = new Set(keys.flatMap((key) => seen.get(place + key)?.slice(-MOST_OF_KEY) ?? []));
    for (const other of others) {
      const relation = compareTexts(record.text, other.text);
      const pair = [other.id, record.id];
      if (relation === "same") exact.push(pair);
      else if (relation !== undefined || (record.slot !== undefined && record.slot === other.slot))
        near.push(pair);
    }
    for (const key of keys) {
      const list = seen.get(place + key);
      if (list === undefined) seen.set(place + key, [record]);
      else list.push(record);
    }
  }
  return { exact, near };
}

function placeOf({ agentId, kind, scope, audience }: MemoryRecord): string {
  return `${JSON.stringify([agentId, kind, scope, audience.toSorted()])} `;
}

function isStale(
  { kind, validTo, recordedAt, lastUsedAt = 0, proofCount }: MemoryRecord,
  now: number,
): boolean {
  // A summary is of a time that is over.
  if (kind !== "summary" && validTo !== undefined && validTo < now) return true;
  return proofCount === 1 && Math.max(recordedAt, lastUsedAt) < now - STALE_DAYS * DAY_MS;
}

function isBreach(record: MemoryRecord, byId: ReadonlyMap<string, MemoryRecord>): boolean {
  return sourcesOf(record, byId).some(
    (source) => !isReplaced(source, record) && !isKnownToAll(source.audience, record.audience),
  );
}

/** A record that another took the place of is no source of its words. */
function isReplaced(source: MemoryRecord, { id }: MemoryRecord): boolean {
  return source.closed?.successorId === id;
}

function sourcesOf(
  { sources }: MemoryRecord,
  byId: ReadonlyMap<string, MemoryRecord>,
): readonly MemoryRecord[] {
  return sources.flatMap(({ kind, id }) => (kind === "memory" ? (byId.get(id) ?? []) : []));
}

function isLoop(record: MemoryRecord, byId: ReadonlyMap<string, MemoryRecord>): boolean {
  const seen = new Set<string>();
  const waiting = [...sourcesOf(record, byId)];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.id === record.id) return true;
    if (seen.has(next.id)) continue;
    seen.add(next.id);
    waiting.push(...sourcesOf(next, byId));
  }
  return false;
}
