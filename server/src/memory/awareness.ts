import type { CallOptions, Contribution, MemoryRecord, MemoryStore, TurnView } from "@troupe/contracts";
import { dayOf, estimateTokens } from "../kit/index.ts";
import { excerptOf } from "./excerpt.ts";

/** Newest facts that are looked at, what was held fast last, and of them those that are told. */
const LOOKED_AT = 50;
const HELD_LOOKED_AT = 20;
const MAX_LINES = 8;
/** What is held fast comes first, and leaves room for who somebody is. */
const MOST_HELD = 5;
const MAX_LINE_CHARACTERS = 280;
const BUDGET_TOKENS = 300;
const HEAD =
  "What you keep in mind of those you talk with, for reference only; what they say now comes first:";
const NOTHING: Contribution = { text: "" };

/**
 * The few facts that matter most, whatever the words of a message are: who somebody is and how they live; who is what to whom,
 * the module of people tells. Only what everybody
 * who reads the answer knows. What helped again and again, and is held fast, comes first, whatever its kind and age; then
 * what is an answer to a question of its own (a name, a home), then what matters and was told often. Undefined where what was told before still stands: that something new matters as much is no reason to
 * begin a prompt otherwise, for what is new stands in the conversation, and is recalled.
 */
export async function awarenessOf(
  memories: Pick<MemoryStore, "list" | "find">,
  { spaceId, agent, audience: readers }: TurnView,
  { signal }: CallOptions,
  told?: Contribution,
): Promise<Contribution | undefined> {
  if (readers.length === 0) return NOTHING;
  if (told !== undefined) {
    const ids = (told.sources ?? []).map(({ id }) => id);
    const found = ids.length === 0 ? [] : await memories.find({ spaceId, readers, ids }, { signal });
    if (found.length === ids.length) return undefined;
  }
  const agentId = agent.spec.id;
  const query = { spaceId, readers, limit: LOOKED_AT };
  const [{ items }, held] = await Promise.all([
    memories.list({ ...query, agentId, kinds: ["fact"] }, { signal }),
    memories.list({ ...query, heldFastOf: agentId, limit: HELD_LOOKED_AT }, { signal }),
  ]);
  const shown: MemoryRecord[] = [];
  const lines: string[] = [];
  let left = BUDGET_TOKENS - estimateTokens(HEAD);
  for (const record of foremost(items, held.items.filter(isNotOfPeople)).slice(0, MAX_LINES)) {
    const line = `[${dayOf(record.recordedAt)}] note: ${excerptOf(record.text, [], MAX_LINE_CHARACTERS)}`;
    left -= estimateTokens(line);
    if (left < 0) break;
    shown.push(record);
    lines.push(line);
  }
  if (lines.length === 0) return NOTHING;
  return {
    text: [HEAD, ...lines].join("\n"),
    detail: lines.length === 1 ? "1 fact" : `${lines.length} facts`,
    sources: shown.map(({ id }) => ({ kind: "memory", id })),
  };
}

function foremost(facts: readonly MemoryRecord[], held: readonly MemoryRecord[]): readonly MemoryRecord[] {
  const byWeight = (some: readonly MemoryRecord[]) => some.toSorted((a, b) => weightOf(b) - weightOf(a));
  const first = byWeight(held).slice(0, MOST_HELD);
  const ids = new Set(first.map(({ id }) => id));
  return [...first, ...byWeight(facts.filter(({ id }) => !ids.has(id)))];
}

/** Those the module of people tells, and nothing is told twice. */
function isNotOfPeople({ kind }: MemoryRecord): boolean {
  return kind !== "relationship";
}

function weightOf({ slot, salience, proofCount }: MemoryRecord): number {
  return (slot === undefined ? 0 : 1) + salience + Math.min(proofCount, 5) / 10;
}
