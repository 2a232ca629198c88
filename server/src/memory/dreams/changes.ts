import type { Audience, MemoryRecord } from "@troupe/contracts";
import { dayOf, sharedAudience } from "../../kit/index.ts";

/** Fewer are no pattern: everybody moves house once. */
const MIN_CHANGES = 2;
/** Other values there are not changes but mistakes, or another person at the same keyboard. */
const FOR_LIFE: ReadonlySet<string> = new Set(["name", "called", "age", "birthday", "born", "origin"]);
const MOST_LINKS = 50;

/** One question whose answer changed again and again. */
export interface Change {
  readonly slot: string;
  /** The slot without the person: `work`. */
  readonly about: string;
  /** Who knows all of the answers. */
  readonly audience: Audience;
  /** Oldest first; the last one holds. */
  readonly answers: readonly MemoryRecord[];
}

/**
 * What changed at least twice, and since a time. An answer that a person took back counts as none, and neither does one that
 * was another by the end of its day.
 */
export function changesOf(
  open: readonly MemoryRecord[],
  closed: readonly MemoryRecord[],
  since: number,
): readonly Change[] {
  const before = new Map<string, MemoryRecord>();
  for (const record of closed) {
    const next = record.closed?.successorId;
    const known = next === undefined ? undefined : before.get(next);
    if (next !== undefined && (known === undefined || known.recordedAt < record.recordedAt))
      before.set(next, record);
  }
  return open.filter(mayChange).flatMap((last) => {
    if (last.slot === undefined || last.recordedAt <= since) return [];
    const about = aboutOf(last, last.slot);
    if (FOR_LIFE.has(about)) return [];
    const answers = lasting(chainOf(last, before));
    const audience = sharedAudience(answers.map((one) => one.audience));
    if (answers.length <= MIN_CHANGES || audience === undefined) return [];
    return [{ slot: last.slot, about, audience, answers }];
  });
}

/** What was told of people; what was made of that is no source. */
function mayChange({ kind, scope }: MemoryRecord): boolean {
  return (kind === "fact" || kind === "relationship") && scope.kind === "agent";
}

/** What a slot asks, without whom. */
function aboutOf({ audience }: MemoryRecord, slot: string): string {
  const peer = audience.find((one) => slot.startsWith(`${one} `));
  return peer === undefined ? slot : slot.slice(peer.length + 1);
}

/** Oldest first. */
function chainOf(last: MemoryRecord, before: ReadonlyMap<string, MemoryRecord>): readonly MemoryRecord[] {
  const chain = [last];
  for (let n = 0; n < MOST_LINKS; n++) {
    const older = before.get(chain[0]?.id ?? "");
    if (older === undefined || older.slot !== last.slot) break;
    chain.unshift(older);
  }
  return chain;
}

function lasting(chain: readonly MemoryRecord[]): readonly MemoryRecord[] {
  const believed = chain.filter(
    ({ attributes, closed }) => typeof attributes.value === "string" && closed?.reason !== "corrected",
  );
  const stood = believed.filter((one, at) => {
    const next = believed[at + 1];
    return next === undefined || dayOf(next.recordedAt) !== dayOf(one.recordedAt);
  });
  return stood.filter((one, at) => at === 0 || answerOf(one) !== answerOf(stood[at - 1] as MemoryRecord));
}

export function answerOf({ attributes }: MemoryRecord): string {
  return String(attributes.value).toLowerCase();
}
