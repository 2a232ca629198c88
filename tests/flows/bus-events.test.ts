import type { Envelope } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { expect, test } from "vitest";
import { hearFlowEvents } from "../../server/src/flows/index.ts";
import { createIdGenerator } from "../../server/src/kit/index.ts";
import { define, done, flowOf, options, process, stage, start } from "./flow-stage.ts";

const envelope = (payload: Envelope["payload"], over: Partial<Envelope> = {}): Envelope => ({
  ...{ id: "envelope-1", kind: SUBJECTS.flowResume, v: 1, at: 0, payload },
  ...over,
});

async function hearing() {
  const one = await process("one", [
    define({
      pack: () => ({ next: { wait: { kind: "event", topic: "paid", correlationId: "7", to: "send" } } }),
      send: () => done,
    }),
  ]);
  const { clock } = stage;
  const heard = hearFlowEvents({
    ...{ bus: one.bus, port: one.port, clock, ids: createIdGenerator(clock) },
    ...{ logger: one.log, spaceId: "default" },
  });
  await start(one.port);
  await clock.settle();
  return { one, heard };
}

test("an event over the bus moves the flow that waits for it, however often it is published", async () => {
  const { one, heard } = await hearing();
  using _ = heard;
  const paid = { topic: "paid", correlationId: "7", payload: { sum: 12 } };
  one.bus.publish(SUBJECTS.flowResume, envelope(paid));
  one.bus.publish(SUBJECTS.flowResume, envelope(paid));
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", state: { event: { sum: 12 } } });
});

test("whoever asks is told that the event is kept, or why it is not", async () => {
  const { one, heard } = await hearing();
  using _ = heard;
  const ask = async (payload: Envelope["payload"], over: Partial<Envelope> = {}) =>
    (await one.bus.request(SUBJECTS.flowResume, envelope(payload, over), { ...options, timeoutMs: 1_000 }))
      .payload;

  expect(await ask({ topic: "paid", correlationId: "8", eventId: "e-1" })).toMatchObject({ kind: "kept" });
  expect(await ask({ topic: "paid", correlationId: "7", eventId: "e-2" })).toEqual({
    ...{ kind: "resumed", flowId: "flow-1" },
  });
  expect(await ask({ topic: "paid" })).toMatchObject({ kind: "refused", code: "request.invalid" });
  expect(await ask({ topic: "paid", correlationId: "7" }, { v: 2 })).toMatchObject({ kind: "refused" });
  expect(one.log.troubles().filter((event) => event === "flow.event-refused")).toHaveLength(2);
});
