import type { MemoryRecord, RecallStanding } from "@troupe/contracts";
import { describe, expect, it } from "vitest";
import { deservesPromotion, hasFaded, promotionScore, strengthOf } from "./judge.ts";

const DAY_MS = 86_400_000;
const NOW = 1_000 * DAY_MS;

const standing = (change: Partial<RecallStanding> = {}): RecallStanding => ({
  ...{ memoryId: "m", recalls: 5, days: 3, questions: 3, relevance: 0.8, lastDayAt: NOW - DAY_MS, ...change },
});
const record = (change: Partial<MemoryRecord> = {}): MemoryRecord =>
  ({
    ...{ kind: "episode", salience: 0.5, proofCount: 1, uses: 0, attributes: { by: "model" } },
    ...{ recordedAt: NOW - 100 * DAY_MS, ...change },
  }) as MemoryRecord;
/** The first day on which it has faded. */
const daysUntilFaded = (change: Partial<MemoryRecord> = {}): number => {
  for (let days = 0; days < 20_000; days++)
    if (hasFaded(record({ recordedAt: 0, ...change }), days * DAY_MS)) return days;
  return Number.POSITIVE_INFINITY;
};

describe("promotion", () => {
  it("is for what helped several times, on several days, for several questions", () => {
    expect(deservesPromotion(standing(), NOW)).toBe(true);
    expect(deservesPromotion(standing({ recalls: 2 }), NOW)).toBe(false);
    expect(deservesPromotion(standing({ days: 1 }), NOW)).toBe(false);
    expect(deservesPromotion(standing({ questions: 1 }), NOW)).toBe(false);
    const poor = { recalls: 3, days: 2, questions: 2, relevance: 0.1, lastDayAt: NOW - 50 * DAY_MS };
    expect(deservesPromotion(standing(poor), NOW)).toBe(false);
  });

  it("grows with each of what speaks for it, and is 1 where all of it does", () => {
    const better: readonly Partial<RecallStanding>[] = [
      { recalls: 8 },
      { days: 5 },
      { questions: 5 },
      { relevance: 1 },
      { lastDayAt: NOW },
    ];
    for (const change of better)
      expect(promotionScore(standing(change), NOW)).toBeGreaterThan(promotionScore(standing(), NOW));
    const all = { recalls: 50, days: 30, questions: 20, relevance: 1, lastDayAt: NOW };
    expect(promotionScore(standing(all), NOW)).toBeCloseTo(1, 10);
  });
});

describe("fading", () => {
  it("takes what nobody ever asks for, little by little, and never before two months", () => {
    let before = 1;
    for (let days = 1; days < 400; days++) {
      const now = strengthOf(record({ recordedAt: 0 }), days * DAY_MS);
      expect(now).toBeLessThan(before);
      before = now;
    }
    expect(daysUntilFaded({ kind: "observation" })).toBe(100);
    expect(daysUntilFaded({ kind: "observation", salience: 0.01 })).toBe(60);
    expect(daysUntilFaded()).toBe(200);
  });

  it("is slower for what was told or shown more often, and begins anew with each use", () => {
    expect(daysUntilFaded({ proofCount: 2 })).toBeGreaterThan(390);
    expect(daysUntilFaded({ uses: 3, lastUsedAt: 30 * DAY_MS })).toBeGreaterThan(600);
  });

  it("spares what is held fast, what a person asked to be kept, documents, procedures and lore", () => {
    const spared: readonly Partial<MemoryRecord>[] = [
      { promotedAt: 1 },
      { kind: "fact", attributes: {} },
      { kind: "document" },
      { kind: "procedure" },
      { kind: "lore" },
    ];
    for (const change of spared) expect(daysUntilFaded(change)).toBe(Number.POSITIVE_INFINITY);
    expect(daysUntilFaded({ kind: "fact" })).toBeLessThan(1_300);
  });
});
