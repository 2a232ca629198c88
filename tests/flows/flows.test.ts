import type { FlowResult } from "@troupe/contracts";
import { expect, test } from "vitest";
import { OPERATOR } from "../turns/stage.ts";
import { define, done, flowOf, historyOf, MINUTE, options, process, stage, start } from "./flow-stage.ts";

test("a flow goes from step to step, joining what each found, and tells its history", async () => {
  const one = await process("one", [
    define({
      pack: () => ({ next: { step: "send" }, state: { box: 3 } }),
      send: () => ({ next: { done: true, note: "sent" } }),
    }),
  ]);
  await start(one.port);
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", state: { order: 7, box: 3 } });
  expect(await historyOf("flow-1")).toEqual(["started", "step", "finished"]);
});

test("a timer wakes its flow, days later, in another process", async () => {
  const at = stage.clock.now() + 40 * 24 * 60 * MINUTE;
  const order = define({
    pack: () => ({ next: { wait: { kind: "timer", at, to: "send" } } }),
    send: () => done,
  });
  const one = await process("one", [order]);
  await start(one.port);
  await stage.clock.settle();
  await one.stop();
  expect((await flowOf("flow-1")).status).toBe("waiting");

  await stage.clock.advance(at - stage.clock.now() + 1);
  await process("two", [order]);
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", reason: "timer" });
});

test("an event resumes exactly the flow that waits for it, once, and joins the state", async () => {
  const wait = (state: Readonly<Record<string, unknown>>): FlowResult => ({
    next: { wait: { kind: "event", topic: "paid", correlationId: String(state.order), to: "send" } },
  });
  const one = await process("one", [
    define({ pack: wait, send: () => ({ next: { wait: { kind: "manual", to: "send" } } }) }),
  ]);
  await start(one.port);
  await stage.clock.settle();
  const signal = (eventId: string, correlationId: string) =>
    one.port.signal({ topic: "paid", correlationId, eventId, payload: { sum: 12 } }, OPERATOR, options);

  expect(await signal("e-0", "8")).toMatchObject({ kind: "kept" });
  expect(await signal("e-1", "7")).toEqual({ kind: "resumed", flowId: "flow-1" });
  expect(await signal("e-1", "7")).toEqual({ kind: "duplicate", flowId: "flow-1" });
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({
    status: "waiting",
    wait: { kind: "manual" },
    state: { event: { sum: 12 } },
  });
  expect((await historyOf("flow-1")).filter((what) => what === "resumed")).toHaveLength(1);
});

test("an event that comes before its wait is not lost", async () => {
  const order = define({
    pack: () => ({ next: { wait: { kind: "event", topic: "paid", correlationId: "7", to: "send" } } }),
    send: () => done,
  });
  const one = await process("one", [order]);
  await one.port.signal({ topic: "paid", correlationId: "7", eventId: "early" }, OPERATOR, options);
  await start(one.port);
  await stage.clock.settle();

  expect((await flowOf("flow-1")).status).toBe("finished");
});

test("a deadline sends a flow elsewhere, or fails it with the reason", async () => {
  const deadline = { at: stage.clock.now() + MINUTE };
  const event = { kind: "event", topic: "paid", correlationId: "7", to: "send" } as const;
  const one = await process("one", [
    define({
      pack: () => ({ next: { wait: { ...event, deadline: { ...deadline, to: "remind" } } } }),
      send: () => done,
      remind: () => done,
    }),
    define(
      { pack: () => ({ next: { wait: { ...event, deadline } } }), send: () => done },
      { name: "strict" },
    ),
  ]);
  await start(one.port);
  await one.port.start({ id: "flow-2", definition: "strict" }, OPERATOR, options);
  await stage.clock.settle();
  await stage.clock.advance(2 * MINUTE);

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", step: "remind", reason: "deadline" });
  expect(await flowOf("flow-2")).toMatchObject({
    status: "failed",
    error: expect.stringContaining("deadline"),
  });
});

test("a wait that has passed, is too far, or is for nothing fails its flow with the reason", async () => {
  const now = stage.clock.now();
  const waits = [
    { kind: "timer", at: now - 1, to: "send" },
    { kind: "timer", at: now + 367 * 24 * 60 * MINUTE, to: "send" },
    { kind: "event", topic: " ", correlationId: "7", to: "send" },
    { kind: "manual", to: "nowhere" },
  ] as const;
  const one = await process(
    "one",
    waits.map((wait, i) => define({ pack: () => ({ next: { wait } }), send: () => done }, { name: `w${i}` })),
  );
  for (const i of waits.keys()) await one.port.start({ id: `f${i}`, definition: `w${i}` }, OPERATOR, options);
  await stage.clock.settle();

  const errors = await Promise.all(waits.map(async (_wait, i) => (await flowOf(`f${i}`)).error));
  expect(errors).toEqual([
    expect.stringContaining("passed already"),
    expect.stringContaining("366 days"),
    expect.stringContaining("topic is empty"),
    expect.stringContaining('no step "nowhere"'),
  ]);
});

test("a step that throws is tried again with its writes undone, then its flow fails with the reason kept", async () => {
  const tries: number[] = [];
  const one = await process("one", [
    define({
      pack: (_state, attempt) => {
        tries.push(attempt);
        throw new Error("The shop is closed.");
      },
    }),
  ]);
  await start(one.port);
  for (let i = 0; i < 12; i++) await stage.clock.advance(MINUTE);

  expect(tries).toEqual([1, 2, 3, 4, 5]);
  expect(await flowOf("flow-1")).toMatchObject({
    status: "failed",
    error: "Step pack failed 5 times: The shop is closed.",
  });
});

test("a wish to cancel survives the process, wins over the next change and goes down to the children", async () => {
  const order = define({
    pack: () => ({
      next: { wait: { kind: "children", to: "send" } },
      children: [{ key: "box", definition: "box" }],
    }),
    send: () => done,
  });
  const box = define({ pack: () => ({ next: { wait: { kind: "manual", to: "pack" } } }) }, { name: "box" });
  const one = await process("one", [order, box]);
  await start(one.port);
  await stage.clock.settle();
  await one.stop();
  await one.port.cancel("flow-1", "no longer wanted", OPERATOR, options);
  expect((await flowOf("flow-1")).status).toBe("waiting");

  await process("two", []);
  await stage.clock.advance(MINUTE);

  const [child] = await stage.stores.flows.children("flow-1", options);
  expect([(await flowOf("flow-1")).status, child?.status]).toEqual(["cancelled", "cancelled"]);
});

test("a parent goes on when all that it began has ended", async () => {
  const order = define({
    pack: () => ({
      next: { wait: { kind: "children", to: "send" } },
      children: ["a", "b"].map((key) => ({ key, definition: "box" })),
    }),
    send: () => done,
  });
  const one = await process("one", [order, define({ pack: () => done }, { name: "box" })]);
  await start(one.port);
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", reason: "children" });
});

test("a flow parked on version 1 resumes under version 2 by the declared mapping", async () => {
  const first = define({
    pack: () => ({ next: { wait: { kind: "event", topic: "paid", correlationId: "7", to: "send" } } }),
    send: () => done,
  });
  const one = await process("one", [first]);
  await start(one.port);
  await stage.clock.settle();
  await one.stop();

  const second = define(
    { pack: () => done, ship: (state) => ({ next: { done: true, note: String(state.orders) } }) },
    {
      version: 2,
      migrate: {
        from: {
          1: (state, step) => ({ state: { orders: [state.order] }, step: step === "send" ? "ship" : step }),
        },
      },
    },
  );
  const two = await process("two", [second]);
  await two.port.signal({ topic: "paid", correlationId: "7", eventId: "e-1" }, OPERATOR, options);
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({
    status: "finished",
    version: 2,
    step: "ship",
    state: { orders: [7] },
  });
});

test("a flow of a version that nobody knows stays parked and is listed, and goes on when somebody does", async () => {
  const first = define({
    pack: () => ({ next: { wait: { kind: "manual", to: "send" } } }),
    send: () => done,
  });
  const one = await process("one", [first]);
  await start(one.port);
  await stage.clock.settle();
  await one.stop();
  const two = await process("two", [define({ pack: () => done }, { version: 2 })]);
  await two.port.resume("flow-1", {}, OPERATOR, options);
  await stage.clock.advance(60 * MINUTE);

  const { items } = await two.port.list({ statuses: ["running", "waiting"] }, OPERATOR, options);
  expect(items).toMatchObject([
    { id: "flow-1", status: "running", parkedOn: "for a process that knows order version 1" },
  ]);
  await process("three", [first]);
  await stage.clock.advance(MINUTE);
  expect((await flowOf("flow-1")).status).toBe("finished");
});

test("a step asks for a turn once, and the flow goes on with its end", async () => {
  const order = define({
    pack: () => ({ next: { turn: { agentId: "ana", text: "Pack it." }, to: "send" } }),
    send: () => done,
  });
  const one = await process("one", [order]);
  await start(one.port);
  await stage.clock.settle();
  expect(one.accepted).toMatchObject([
    {
      agentId: "ana",
      trigger: "flow",
      platformId: "flow:flow-1:2",
      cause: { of: { kind: "flow", id: "flow-1" } },
    },
  ]);
  expect(await flowOf("flow-1")).toMatchObject({ wait: { kind: "turn", turnId: "turn-1" } });

  const { kind = "", payload = {} } = one.accepted[0]?.afterEnd ?? {};
  const effect = {
    id: "e",
    spaceId: "default",
    v: 1,
    lane: "realtime",
    turnId: "turn-1",
    sessionId: "s",
    attempt: 1,
    epoch: 1,
    createdAt: 0,
  } as const;
  const ended = { ...effect, kind, payload: { ...payload, turnId: "turn-1", state: "replied" } };
  await one.engine.handler.handle(ended as never, options);
  await one.engine.handler.handle(ended as never, options);
  await stage.clock.settle();

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", state: { turn: { state: "replied" } } });
  expect((await historyOf("flow-1")).filter((what) => what === "resumed")).toHaveLength(1);
});
