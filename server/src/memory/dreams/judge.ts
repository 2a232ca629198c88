import type { MemoryKind, MemoryRecord, RecallStanding } from "@troupe/contracts";

const DAY_MS = 86_400_000;

/** Weights of what speaks for holding a memory fast; together 1. */
const WEIGHTS = {
  frequency: 0.26,
  relevance: 0.32,
  recency: 0.16,
  diversity: 0.16,
  consolidation: 0.1,
} as const;
const MIN_RECALLS = 3;
/** Not all on one day: what one conversation turns about is no lasting subject. */
const MIN_DAYS = 2;
const MIN_QUESTIONS = 2;
const MIN_SCORE = 0.35;
/** So many recalls, different questions and further days count in full. */
const MANY_RECALLS = 10;
const MANY_QUESTIONS = 5;
const MANY_DAYS = 4;
const RECENCY_HALF_LIFE_DAYS = 14;

export const PROMOTION_RECALLS: number = MIN_RECALLS;

/** How much speaks for holding a memory fast, 0 to 1. */
export function promotionScore(standing: RecallStanding, now: number): number {
  const { recalls, days, questions, relevance, lastDayAt } = standing;
  const idleDays = Math.max(0, now - lastDayAt) / DAY_MS;
  return (
    WEIGHTS.frequency * Math.min(1, Math.log2(1 + recalls) / Math.log2(1 + MANY_RECALLS)) +
    WEIGHTS.relevance * Math.min(1, relevance) +
    WEIGHTS.recency * 0.5 ** (idleDays / RECENCY_HALF_LIFE_DAYS) +
    WEIGHTS.diversity * Math.min(1, questions / MANY_QUESTIONS) +
    WEIGHTS.consolidation * Math.min(1, (days - 1) / MANY_DAYS)
  );
}

/** Whether a memory helped often enough, on several days, for several questions, and well enough. */
export function deservesPromotion(standing: RecallStanding, now: number): boolean {
  const { recalls, days, questions } = standing;
  if (recalls < MIN_RECALLS || days < MIN_DAYS || questions < MIN_QUESTIONS) return false;
  return promotionScore(standing, now) >= MIN_SCORE;
}

/** After so many days without use a record counts half; those that are not named never fade. */
const HALF_LIFE_DAYS: Partial<Record<MemoryKind, number>> = {
  observation: 30,
  episode: 60,
  reflection: 180,
  summary: 180,
  fact: 365,
  relationship: 365,
};
export const FADING_KINDS: readonly MemoryKind[] = Object.keys(HALF_LIFE_DAYS) as MemoryKind[];
const MIN_IDLE_DAYS = 60;
const MIN_STRENGTH = 0.05;

/**
 * How much a record still counts, by arithmetic alone: nothing is written while it fades, so nothing is rounded away and no
 * night can fade it twice. What was told or shown more often fades more slowly.
 */
export function strengthOf(record: MemoryRecord, now: number): number {
  const halfLife = HALF_LIFE_DAYS[record.kind];
  if (halfLife === undefined || !mayFade(record)) return 1;
  const held = halfLife * (1 + Math.log2(record.proofCount + record.uses));
  return record.salience * 0.5 ** (idleDaysOf(record, now) / held);
}

/** What nobody asked for in a long time, and did not matter much. */
export function hasFaded(record: MemoryRecord, now: number): boolean {
  return idleDaysOf(record, now) >= MIN_IDLE_DAYS && strengthOf(record, now) < MIN_STRENGTH;
}

/** By two half-lives more. */
export function hasLongFaded(record: MemoryRecord, now: number): boolean {
  return hasFaded(record, now) && strengthOf(record, now) < MIN_STRENGTH / 4;
}

/** Whether it fades at all. */
export function mayFade({ kind, promotedAt, attributes }: MemoryRecord): boolean {
  return FADING_KINDS.includes(kind) && promotedAt === undefined && !isKeptOnPurpose({ kind, attributes });
}

function idleDaysOf({ recordedAt, lastUsedAt = 0 }: MemoryRecord, now: number): number {
  return Math.max(0, now - Math.max(recordedAt, lastUsedAt)) / DAY_MS;
}

/** What a person asked to be kept is kept; what was read out of their words, or made at night, may fade. */
function isKeptOnPurpose({ kind, attributes }: Pick<MemoryRecord, "kind" | "attributes">): boolean {
  return (kind === "fact" || kind === "relationship") && attributes.by === undefined;
}
