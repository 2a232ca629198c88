import type { LaneBacklog } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createBacklogWatch } from "./backlog-watch.ts";

const signal = new AbortController().signal;

function stage() {
  const clock = createManualClock(100_000);
  const metrics = createMetrics({ prefix: "troupe_" });
  const kept = {
    lanes: [] as LaneBacklog[],
    counts: [] as { readonly kind: string; readonly count: number; readonly oldestAt: number }[],
    looks: 0,
  };
  const watch = createBacklogWatch({
    ...{ clock, metrics, logger: createLogRecorder(), spaceId: "default" },
    effects: { lanes: async () => kept.lanes },
    deadLetters: {
      async counts() {
        kept.looks += 1;
        return kept.counts;
      },
    },
  });
  watch.start(signal);
  return { clock, metrics, kept, watch };
}

test("tells how much waits in a lane, how long the first of it does, and what was given up", async () => {
  const { clock, metrics, kept, watch } = stage();
  kept.lanes = [
    { lane: "heavy", running: 1, due: 12, later: 3, dueSince: 97_500, oldestAt: 1 },
    { lane: "realtime", running: 0, due: 0, later: 0, dueSince: undefined, oldestAt: undefined },
  ];
  kept.counts = [{ kind: "turn", count: 2, oldestAt: 1 }];

  watch.wake();
  await clock.settle();

  const page = metrics.render();
  for (const line of [
    'troupe_effects_waiting{lane="heavy"} 12',
    'troupe_effects_lag_seconds{lane="heavy"} 2.5',
    'troupe_effects_lag_seconds{lane="realtime"} 0',
    'troupe_dead_letters{kind="turn"} 2',
  ])
    expect(page).toContain(`${line}\n`);
  kept.counts = [];
  watch.wake();
  await clock.settle();
  expect(metrics.render()).not.toContain("troupe_dead_letters{");
});

test("looks twice a minute by itself, and no page of metrics has more than fifty kinds", async () => {
  const { clock, metrics, kept } = stage();
  await clock.settle();
  kept.counts = Array.from({ length: 53 }, (_, n) => ({ kind: `k${n}`, count: n + 1, oldestAt: 1 }));
  const before = kept.looks;

  await clock.advance(60_000);

  expect(kept.looks - before).toBe(2);
  const lines = metrics.render().split("\n");
  expect(lines.filter((line) => line.startsWith("troupe_dead_letters{"))).toHaveLength(51);
  expect(lines).toContain('troupe_dead_letters{kind="other"} 6');
});
