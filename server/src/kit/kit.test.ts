import { createManualClock } from "@troupe/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  costMicroUsd,
  createIdGenerator,
  createLogger,
  createMetrics,
  delayOfAttempt,
  derivedId,
  detectLanguage,
  linkSignal,
  nextDelayMs,
  redactText,
  say,
  sleep,
} from "./index.ts";

test("ids rise in the order of their making, within a millisecond and when the clock steps back", async () => {
  const clock = createManualClock();
  const ids = createIdGenerator(clock);

  const made = Array.from({ length: 2_000 }, () => ids.next());
  await clock.advance(5);
  made.push(ids.next());

  expect([...made].sort()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
  expect(made.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
});

test("a derived id depends on where its parts begin and end", () => {
  expect(derivedId("a", "bc")).not.toBe(derivedId("ab", "c"));
  expect(derivedId("a", "bc")).toBe(derivedId("a", "bc"));
  expect(derivedId("a", "bc")).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
});

test("a linked signal ends with its parent, at its time, and lets go of its parent when disposed", async () => {
  const clock = createManualClock();
  const parent = new AbortController();
  using timed = linkSignal(parent.signal, { clock, afterMs: 100, reason: () => "late" });
  using followed = linkSignal(parent.signal);
  const disposed = linkSignal(parent.signal);
  disposed[Symbol.dispose]();

  await clock.advance(100);
  parent.abort("gone");

  expect(timed.signal.reason).toBe("late");
  expect(followed.signal.reason).toBe("gone");
  expect(disposed.signal.aborted).toBe(false);
});

test("a sleep ends at its time, or at once with the reason of an abort", async () => {
  const clock = createManualClock();
  const stop = new AbortController();
  const slept = sleep(clock, 50, new AbortController().signal);
  const stopped = sleep(clock, 50, stop.signal).catch((reason: unknown) => reason);

  stop.abort("enough");
  await clock.advance(50);

  await expect(slept).resolves.toBeUndefined();
  await expect(stopped).resolves.toBe("enough");
});

test("waits between tries grow, vary, and stay within their bounds", () => {
  const limits = { baseMs: 100, capMs: 5_000 };
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const ofAttempt = delayOfAttempt(attempt, limits, () => random);
        const next = nextDelayMs(attempt * 100, limits, () => random);
        return ofAttempt >= 50 && ofAttempt <= 5_000 && next >= 100 && next <= 5_000;
      },
    ),
  );
});

test("cached input costs its own price and nothing is free by rounding", () => {
  const price = { inputUsdPerMillion: 3, cachedInputUsdPerMillion: 0.3, outputUsdPerMillion: 15 };

  expect(costMicroUsd({ inputTokens: 1_000, cachedInputTokens: 900, outputTokens: 10 }, price)).toBe(720);
  expect(costMicroUsd({ inputTokens: 1, cachedInputTokens: 1, outputTokens: 0 }, price)).toBe(1);
  expect(costMicroUsd({ inputTokens: 1_000, cachedInputTokens: 0, outputTokens: 10 }, undefined)).toBe(0);
});

test("Ukrainian is told from English and from Russian by its letters", () => {
  expect(detectLanguage("Що ти вмієш?")).toBe("uk");
  expect(detectLanguage("добре")).toBe("uk");
  expect(detectLanguage("ты кто")).toBe("en");
  expect(detectLanguage("what is this")).toBe("en");
});

test("a sentence fills its names and leaves unknown ones visible", () => {
  expect(say("en", "refused.rate.limited", { seconds: 3 })).toContain("3 s");
  expect(say("uk", "refused.rate.limited", {})).toContain("{seconds}");
});

test("what looks like a secret never reaches the log, in fields, texts, or causes", () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", destination: { write: (line) => void lines.push(line) } });
  const cause = new Error("Authorization: Bearer abcdefgh12345678");

  logger.info("test.secrets", {
    apiKey: "plain-secret-1",
    nested: { token: "plain-secret-2", deeper: { password: "plain-secret-3" } },
    error: new Error("provider said sk-abcdefghijkl and postgres://ana:plain-secret-4@db", { cause }),
  });

  const text = lines.join("");
  expect(text).not.toMatch(/plain-secret|abcdefgh/);
  expect(text).toContain("test.secrets");
  expect(redactText("trp_abcdefghijkl is a key")).toBe("[redacted] is a key");
});

test("metrics render as Prometheus reads them, with cumulative buckets and escaped labels", () => {
  const metrics = createMetrics();
  metrics.counter("turns_total", "Turns").add(2, { state: 'odd"one' });
  metrics.gauge("waiting", "Waiting").set(3);
  using _ = metrics.probe("probed", "Probed", () => 7);
  const seconds = metrics.histogram("turn_seconds", "Time", [0.1, 1]);
  for (const value of [0.05, 0.5, 5]) seconds.observe(value, { lane: "realtime" });

  const page = metrics.render();

  expect(page).toContain('turns_total{state="odd\\"one"} 2');
  expect(page).toContain("# TYPE turn_seconds histogram");
  expect(page).toContain('turn_seconds_bucket{lane="realtime",le="1"} 2');
  expect(page).toContain('turn_seconds_bucket{lane="realtime",le="+Inf"} 3');
  expect(page).toContain("probed 7");
  expect(metrics.counter("turns_total", "Turns")).toBe(metrics.counter("turns_total", "Turns"));
});
