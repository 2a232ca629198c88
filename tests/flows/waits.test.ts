import type { Envelope } from "@troupe/contracts";
import { SUBJECTS } from "@troupe/contracts";
import { expect, test } from "vitest";
import { OPERATOR } from "../turns/stage.ts";
import { define, done, flowOf, historyOf, MINUTE, options, process, stage, start } from "./flow-stage.ts";

const envelope = (payload: Envelope["payload"], over: Partial<Envelope> = {}): Envelope => ({
  ...{ id: "envelope-1", kind: SUBJECTS.flowResume, v: 1, at: 0, payload },
  ...over,
});
const waitsForPaid = (deadline?: { readonly at: number; readonly to?: string }) => ({
  kind: "event" as const,
  ...{ topic: "paid", correlationId: "7", to: "send" },
  ...(deadline === undefined ? {} : { deadline }),
});

test("an event that was kept in time counts, though nobody gave it before the deadline had passed", async () => {
  const at = stage.clock.now() + 10 * MINUTE + 10_000;
  const order = define({
    pack: () => ({ next: { wait: waitsForPaid({ at, to: "remind" }) } }),
    send: () => done,
    remind: () => done,
  });
  const one = await process("one", [order]);
  await start(one.port);
  await stage.clock.advance(10 * MINUTE + 5_000);
  // Whoever kept it died before giving it, and the sweep comes later than the deadline.
  const event = { eventId: "e-1", spaceId: "default", topic: "paid", correlationId: "7", payload: {} };
  const keep = stage.stores.flowSignals.keep({ ...event, at: at - 5_000, expiresAt: at + 60 * MINUTE });
  await stage.stores.unit.commit([keep], options);
  await stage.clock.advance(7_000);

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", step: "send", reason: "event" });
});

test("a turn that is not taken for now is asked for again, and no longer than until the deadline", async () => {
  const deadline = { at: stage.clock.now() + 3 * MINUTE, to: "late" };
  const order = define({
    pack: () => ({ next: { turn: { agentId: "ana", text: "Pack it." }, to: "send", deadline } }),
    send: () => done,
    late: () => done,
  });
  const busy = {
    kind: "refused",
    code: "admission.full",
    message: "Too busy.",
    retryAfterMs: 60 * MINUTE,
  } as const;
  const one = await process("one", [order], { answer: busy });
  await start(one.port);
  await stage.clock.settle();
  expect(await flowOf("flow-1")).toMatchObject({ status: "waiting", error: "Too busy.", dueAt: deadline.at });

  await stage.clock.advance(3 * MINUTE + 1_000);

  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", step: "late", reason: "deadline" });
});

test("a step that is named to go on with is one of the flow's own version, whatever the newest has", async () => {
  const first = define({
    pack: () => ({ next: { wait: { kind: "manual", to: "send" } } }),
    send: () => done,
    weigh: () => done,
  });
  const newest = define({ fold: () => done }, { version: 2, first: "fold" });
  const one = await process("one", [first]);
  await start(one.port);
  await stage.clock.settle();
  await one.stop();
  const both = await process("two", [first, newest]);

  await expect(both.port.resume("flow-1", { step: "fold" }, OPERATOR, options)).rejects.toThrow(
    'has no step "fold". Known: pack, send, weigh.',
  );
  await both.port.resume("flow-1", { step: "weigh" }, OPERATOR, options);
  await stage.clock.settle();
  expect(await flowOf("flow-1")).toMatchObject({ status: "finished", step: "weigh", version: 1 });
});

test("a parent's history tells of each child that ended, so that no revision is without its line", async () => {
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

  const lines = await stage.stores.flows.history({ id: "flow-1" }, options);
  expect(lines.map(({ n }) => n)).toEqual(lines.map((_line, at) => at + 1));
  expect(await historyOf("flow-1")).toEqual([
    ...["started", "waits", "child-ended", "child-ended", "resumed", "finished"],
  ]);
});

test("a restored home does nothing until its operator lets it", async () => {
  const order = define({ pack: () => done });
  const { holds, unit } = stage.stores;
  await unit.commit([holds.place({ spaceId: "default", reason: "It was restored.", since: 1 })], options);
  const one = await process("one", [order]);
  await start(one.port);
  await stage.clock.advance(5 * MINUTE);
  expect((await flowOf("flow-1")).status).toBe("running");

  await unit.commit([holds.lift("default")], options);
  await stage.clock.advance(MINUTE);

  expect((await flowOf("flow-1")).status).toBe("finished");
});

test("what an agent changed is worked on when its turn is kept, though another process runs the turns", async () => {
  const worker = await process("worker", []);
  const agent = await process("agent", [], { isAtWork: false });
  let rung = 0;
  using _ = agent.bus.subscribe(SUBJECTS.flowDue, () => rung++);
  const said = (payload: Envelope["payload"]): void =>
    agent.bus.publish(SUBJECTS.sessionChanged, envelope(payload, { kind: SUBJECTS.sessionChanged }));

  agent.engine.touched("s-1");
  said({ sessionId: "s-1", turnId: "t-1" });
  await stage.clock.settle();
  expect(rung).toBe(0);
  said({ sessionId: "s-1", turnId: "t-1", by: "agent" });
  said({ sessionId: "s-1", turnId: "t-2", by: "agent" });
  await stage.clock.settle();

  expect(rung).toBe(1);
  expect(worker.log.troubles()).toEqual([]);
});

test("what is parked is counted by what it waits for, for whoever watches the process", async () => {
  const one = await process("one", [
    define({ pack: () => ({ next: { wait: waitsForPaid() } }), send: () => done }),
  ]);
  await start(one.port);
  await start(one.port, "flow-2");
  await stage.clock.advance(MINUTE);

  const page = one.metrics.render();
  expect(page).toContain('flows_parked{on="event"} 2');
  expect(page).toMatch(/flows_parked_oldest_seconds\{on="event"\} (60|59)/);
});

test("ten thousand parked flows are one timer", async () => {
  const one = await process("one", [define({ pack: () => done })]);
  await stage.clock.settle();
  const before = stage.clock.timers;
  const at = stage.clock.now() + 60 * MINUTE;
  const change = one.engine.says("started");
  const flow = {
    ...{ spaceId: "default", definition: "order", version: 1, parentId: undefined, sessionId: undefined },
    ...{ agentId: undefined, goal: "", step: "pack", state: {}, isMirrored: false },
    wait: { kind: "timer", at, to: "pack" },
  } as const;
  for (let n = 0; n < 10_000; n += 1_000) {
    const writes = Array.from({ length: 1_000 }, (_, i) =>
      stage.stores.flows.start({ ...flow, id: `f-${n + i}` }, change),
    );
    await stage.stores.unit.commit(writes, options);
  }
  one.engine.ring();
  await stage.clock.settle();

  expect(before).toBe(1);
  expect(stage.clock.timers).toBe(1);
});
