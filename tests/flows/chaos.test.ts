import type { FlowRun, FlowStatus } from "@troupe/contracts";
import { afterAll, expect, test } from "vitest";
import { chosenStore } from "../lab/test-store.ts";
import { type ChaosCounts, ChaosRun, noCounts } from "./chaos.ts";
import { firstOf } from "./chaos-flow.ts";
import { options, stage } from "./flow-stage.ts";

/** TROUPE_FLOW_SEEDS=FIRST-LAST runs others than these, as many as there is time for. */
const SEEDS = process.env.TROUPE_FLOW_SEEDS ?? (chosenStore() === "postgres" ? "1-8" : "1-20");
const [FIRST = 1, LAST = FIRST] = SEEDS.split("-").map(Number);
const MOMENTS = 90;
const ALL: readonly FlowStatus[] = ["running", "waiting", "finished", "failed", "cancelled"];
const ENDS: Readonly<Record<string, string>> = {
  finished: "finished",
  failed: "failed",
  cancelled: "cancelled",
};

const counts = noCounts();
let schedules = 0;

test.each(Array.from({ length: LAST - FIRST + 1 }, (_, at) => FIRST + at))(
  "schedule %i: every step is kept once, every wish to cancel holds, every flow ends, every change has its line",
  async (seed) => {
    const run = new ChaosRun(stage, seed);
    const left = await run.run(MOMENTS);

    expect(left.map(({ id, status, wait, error }) => ({ id, status, wait, error }))).toEqual([]);
    const flows = await everyFlow();
    const given: string[] = [];
    for (const flow of flows) given.push(...(await check(flow, run.counts)));
    expect(given.toSorted()).toEqual([...new Set(given)].toSorted());
    add(run.counts);
  },
  60_000,
);

test("the schedules held the trouble that they are for", ({ skip }) => {
  if (schedules < 20) return skip("too few schedules were run");
  for (const [what, count] of Object.entries(counts)) expect([what, count > 0]).toEqual([what, true]);
});

afterAll(() => {
  if (process.env.TROUPE_FLOW_SEEDS !== undefined) console.info({ schedules, ...counts });
});

async function everyFlow(): Promise<readonly FlowRun[]> {
  const flows: FlowRun[] = [];
  let cursor: string | undefined;
  do {
    const query = {
      spaceId: "default",
      statuses: ALL,
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    };
    const page = await stage.stores.flows.list(query, options);
    flows.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return flows;
}

/** Resolves with the events that moved it. */
async function check(flow: FlowRun, seen: ChaosCounts): Promise<readonly string[]> {
  const { id, state, status, revision, version } = flow;
  const marks = (await stage.stores.effects.ofTurn(id, options)).map(({ payload }) => Number(payload.n));
  const first = firstOf(state);
  const steps = Array.from({ length: Number(state.n) - first }, (_, at) => first + at);
  expect([id, marks.toSorted((a, b) => a - b)]).toEqual([id, steps]);
  expect([id, status]).toEqual([id, flow.cancelRequested === undefined ? status : "cancelled"]);

  const lines = await stage.stores.flows.history({ id }, options);
  expect([id, lines.map(({ n }) => n)]).toEqual([id, Array.from({ length: revision }, (_, at) => at + 1)]);
  expect([id, lines.at(-1)?.what]).toEqual([id, ENDS[status]]);
  expect([id, Number(state.moved ?? 0) <= 1 && (state.moved === undefined || version === 2)]).toEqual([
    id,
    true,
  ]);
  const event = state.event as { readonly of?: string } | undefined;
  expect([id, event?.of ?? id]).toEqual([id, id]);

  seen.steps += steps.length;
  if (status === "cancelled") seen.cancelled++;
  if (status === "failed") seen.failed++;
  if (state.moved !== undefined) seen.moved++;
  const events = lines.flatMap(({ detail }) => /^event t .* \((.*)\)$/.exec(detail)?.[1] ?? []);
  seen.events += events.length;
  return events;
}

function add(more: ChaosCounts): void {
  schedules++;
  for (const name of Object.keys(counts) as (keyof ChaosCounts)[]) counts[name] += more[name];
}
