import type { MemoryRecord, NewMemory } from "@troupe/contracts";
import { dayOf, derivedId } from "../../kit/index.ts";
import { hasFaded, hasLongFaded } from "./judge.ts";

/** Fewer are not worth a record that is made of them. */
const MIN_MEMBERS = 3;
const MAX_TEXT_CHARACTERS = 600;
/** What is made of several must not fade with the first night. */
const MIN_SALIENCE = 0.4;

/** Records that faded, which one summary stands for from now on; or none, and then they only go. */
export interface RollUp {
  readonly members: readonly MemoryRecord[];
  readonly summary: NewMemory | undefined;
}

/**
 * Puts together what faded: of one month, one audience and one scope, so that nothing reaches anybody who did not know all of
 * it. What faded waits for the rest of its month, unless it has faded for long: three that go one by one would leave nothing.
 * Summaries are not summed up again.
 */
export function rollUps(fading: readonly MemoryRecord[], now: number): readonly RollUp[] {
  const keyOf = (record: MemoryRecord): string =>
    JSON.stringify([isMade(record), monthOf(record), record.audience, record.scope]);
  return [...Map.groupBy(fading, keyOf).values()].flatMap((some) => {
    const faded = some.filter((record) => hasFaded(record, now));
    const isWhole = faded.length === some.length;
    if (faded.length === 0 || (!isWhole && !faded.some((record) => hasLongFaded(record, now)))) return [];
    const members = faded.toSorted((a, b) => timeOf(a) - timeOf(b) || (a.id < b.id ? -1 : 1));
    const [first] = members;
    if (first === undefined || isMade(first) || members.length < MIN_MEMBERS)
      return { members, summary: undefined };
    return { members, summary: summaryOf(members, first, now) };
  });
}

function isMade({ kind }: MemoryRecord): boolean {
  return kind === "summary" || kind === "reflection";
}

function summaryOf(members: readonly MemoryRecord[], first: MemoryRecord, now: number): NewMemory {
  const { spaceId, agentId, audience, scope } = first;
  const times = members.map(timeOf);
  return {
    ...{
      id: derivedId("dream", dayOf(now), ...members.map(({ id }) => id)),
      spaceId,
      agentId,
      audience,
      scope,
    },
    ...{ kind: "summary", text: plainSummary(members), turnId: members.at(-1)?.turnId ?? first.turnId },
    ...{ recordedAt: now, validFrom: Math.min(...times), validTo: Math.max(...times) },
    attributes: { by: "dream", of: members.length },
    sources: members.map(({ id }) => ({ kind: "memory", id })),
    salience: Math.max(MIN_SALIENCE, ...members.map(({ salience }) => salience)),
  };
}

/** Their own sentences, those that mattered most, in the order in which they came. */
function plainSummary(members: readonly MemoryRecord[]): string {
  const head = `${monthOf(members[0] as MemoryRecord)}: `;
  let left = MAX_TEXT_CHARACTERS - head.length;
  const chosen = new Set<MemoryRecord>();
  for (const member of members.toSorted((a, b) => b.salience - a.salience)) {
    const text = sentence(member);
    if (text.length + 1 > left) continue;
    left -= text.length + 1;
    chosen.add(member);
  }
  // Where each is longer than all may be, the beginning of the most important one.
  if (chosen.size === 0)
    return `${head}${sentence(members[0] as MemoryRecord).slice(0, left)}`.toWellFormed();
  return (
    head +
    members
      .filter((member) => chosen.has(member))
      .map(sentence)
      .join(" ")
  );
}

function sentence({ text }: MemoryRecord): string {
  const line = text.replace(/\s+/g, " ").trim();
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}

function timeOf({ validFrom, recordedAt }: MemoryRecord): number {
  return validFrom ?? recordedAt;
}

/** `2026-05`. */
function monthOf(record: MemoryRecord): string {
  return new Date(timeOf(record)).toISOString().slice(0, 7);
}
