import type { FlowDefinition, FlowStep, FlowStore } from "@troupe/contracts";
import { expect, test } from "vitest";
import { sleep } from "../../server/src/kit/index.ts";
import { OPERATOR } from "../turns/stage.ts";
import { flowOf, historyOf, MINUTE, options, process, stage, start } from "./flow-stage.ts";

/** A flow of one step. */
const single = (step: FlowStep): FlowDefinition => ({
  ...{ name: "order", version: 1, first: "pack" },
  steps: { pack: step },
});

test("a step that takes longer than its claim runs once: the claim is prolonged meanwhile", async () => {
  const tries: number[] = [];
  const order = single({
    timeoutMs: 30 * MINUTE,
    async run({ attempt }, { signal }) {
      tries.push(attempt);
      await sleep(stage.clock, 20 * MINUTE, signal);
      return { next: { done: true } };
    },
  });
  const one = await process("one", [order]);
  await start(one.port);
  await stage.clock.settle();
  await process("two", [order]);
  await stage.clock.advance(21 * MINUTE);

  expect(tries).toEqual([1]);
  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", epoch: 1 });
});

test("a step whose claim cannot be prolonged is aborted before another process may have it, and keeps nothing", async () => {
  const goOn = Promise.withResolvers<void>();
  const aborts: boolean[] = [];
  const first = single({
    timeoutMs: 30 * MINUTE,
    async run(_context, { signal }) {
      signal.addEventListener("abort", () => aborts.push(true));
      // It does not listen, and comes to its end all the same.
      await goOn.promise;
      return { next: { done: true, note: "too late" } };
    },
  });
  let claims = 0;
  const flows: FlowStore = {
    ...stage.stores.flows,
    renew: () => {
      throw new Error("The line is cut.");
    },
    // It claims no more, so that the other process has it next.
    claim: (query) => stage.stores.flows.claim(claims++ === 0 ? query : { ...query, programs: [] }),
  };
  const one = await process("one", [first], { stores: { ...stage.stores, flows } });
  await start(one.port);
  await stage.clock.settle();
  await process("two", [single({ run: async () => ({ next: { fail: "Nothing to pack." } }) })]);
  await stage.clock.advance(1.5 * MINUTE);
  expect(aborts).toEqual([]);
  await stage.clock.advance(MINUTE);
  goOn.resolve();
  await stage.clock.advance(MINUTE);

  expect(aborts).toEqual([true]);
  expect(await flowOf("flow-1")).toMatchObject({ status: "failed", error: "Nothing to pack." });
  expect(await historyOf("flow-1")).toEqual(["started", "failed"]);
});

test("a process that stood still past its claim finds its change refused when it goes on", async () => {
  const packed: string[] = [];
  const step = (who: string, ends: Promise<void>): FlowDefinition =>
    single({
      timeoutMs: 60 * MINUTE,
      async run() {
        await ends;
        packed.push(who);
        return { next: { done: true, note: who } };
      },
    });
  const goOn = Promise.withResolvers<void>();
  const one = await process("one", [step("one", goOn.promise)]);
  await start(one.port);
  await stage.clock.settle();
  // The whole process sleeps: its timers are late too.
  stage.clock.sleep(5 * MINUTE);
  const two = await process("two", [step("two", Promise.resolve())]);
  two.engine.ring();
  await stage.clock.settle();
  goOn.resolve();
  await stage.clock.advance(MINUTE);

  expect(packed).toContain("two");
  const lines = await stage.stores.flows.history({ id: "flow-1" }, options);
  expect(lines.map(({ what, detail }) => [what, detail])).toEqual([
    ["started", ""],
    ["finished", "two"],
  ]);
});

test.each([
  ["at once by whoever asks in the same Troupe", 0],
  ["with the next look at its claim, where the bell was not heard", MINUTE],
])("a wish to cancel aborts a step that runs: %s", async (_how, afterMs) => {
  const reasons: unknown[] = [];
  const one = await process("one", [
    single({
      timeoutMs: 30 * MINUTE,
      async run(_context, { signal }) {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        await sleep(stage.clock, 20 * MINUTE, signal);
        return { next: { done: true } };
      },
    }),
  ]);
  await start(one.port);
  await stage.clock.settle();
  const asker = afterMs === 0 ? one : await process("two", [], { isAtWork: false });
  await asker.port.cancel("flow-1", "no longer wanted", OPERATOR, options);
  await stage.clock.advance(afterMs);
  await stage.clock.settle();

  expect(reasons).toHaveLength(1);
  expect(await flowOf("flow-1")).toMatchObject({ status: "cancelled", error: "no longer wanted" });
});

test("a restart is no try: a step that stops broke off often begins anew, and is not given up", async () => {
  const tries: number[] = [];
  const order = single({
    timeoutMs: 30 * MINUTE,
    async run({ attempt }, { signal }) {
      tries.push(attempt);
      await sleep(stage.clock, 10 * MINUTE, signal);
      return { next: { done: true } };
    },
  });
  const first = await process("p-0", [order]);
  await start(first.port);
  for (let n = 0, one = first; n < 7; n++, one = await process(`p-${n}`, [order])) {
    await stage.clock.settle();
    const stopping = one.engine.stop(1_000);
    await stage.clock.advance(2_000);
    await stopping;
  }
  await stage.clock.advance(11 * MINUTE);

  expect(tries).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  expect((await flowOf("flow-1")).status).toBe("finished");
});
