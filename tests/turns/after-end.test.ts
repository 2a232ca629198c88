import type { AfterEnd } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, NEVER, openStage, type Stage } from "./stage.ts";

/** Whoever caused a turn is told of its end by an effect of the commit that ends it. */

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const options = { signal: NEVER };
const afterEnd: AfterEnd = { kind: "test.ended", v: 1, lane: "background", payload: { runId: "run-1" } };
const effectsOf = (turnId: string) => stage.stores.effects.ofTurn(turnId, options);

test("a reply leaves the effect with what it was, in its own lane", async () => {
  const one = await stage.process("one");
  const { turnId } = await one.say("water the plants", { trigger: "job", afterEnd });

  expect(await effectsOf(turnId)).toMatchObject([
    {
      kind: "test.ended",
      lane: "background",
      state: "pending",
      payload: { runId: "run-1", turnId, state: "replied", messageId: endOf(one.events, turnId)?.messageId },
    },
  ]);
});

test("a turn that fails leaves it too, with the error", async () => {
  const one = await stage.process("one");
  stage.model.enqueue({ error: new TroupeError("Nobody is home.", { code: "model.unavailable" }) });
  const { turnId } = await one.say("hello", { afterEnd });

  expect(await effectsOf(turnId)).toMatchObject([
    { payload: { state: "failed", error: { code: "model.unavailable" } } },
  ]);
});

test("so does one that is stopped while it waits, before any attempt", async () => {
  const one = await stage.process("one", {
    settings: { concurrency: { realtime: 0, background: 0, heavy: 0 } },
  });
  const { turnId } = await one.say("hello", { afterEnd });
  await one.supervisor.control.cancel(turnId, { reason: "enough" }, options);

  expect(await effectsOf(turnId)).toMatchObject([
    { payload: { runId: "run-1", turnId, state: "cancelled" } },
  ]);
});

test("a message that somebody waits for joins no running turn, and is no command", async () => {
  const one = await stage.process("one", { spec: { whileBusy: "steer" } });
  stage.model.enqueue({ text: "slow", delayMs: 1_000 });
  const first = await one.say("hello");
  const second = await one.say("/help", { afterEnd });

  expect(second.position).toBe("queued");
  expect(second.turnId).not.toBe(first.turnId);
});

test("nothing joins a turn that somebody waits for: what comes meanwhile is answered by a turn of its own", async () => {
  const one = await stage.process("one", { spec: { whileBusy: "steer" } });
  stage.model.enqueue({ text: "NO_REPLY", delayMs: 1_000 }, { text: "It is noon." });
  const silent = await one.say("Anything new?", { trigger: "job", afterEnd, maySayNothing: true });
  const asked = await one.say("what time is it?", { replyTo: { channel: "telegram", target: "7" } });
  await stage.clock.advance(2_000);

  expect(asked.position).toBe("queued");
  expect(endOf(one.events, silent.turnId)).toMatchObject({ state: "suppressed", text: "" });
  expect(endOf(one.events, asked.turnId)).toMatchObject({ state: "replied", text: "It is noon." });
  expect((await stage.stores.outbox.ofTurn(asked.turnId, options)).map(({ address }) => address)).toEqual([
    { channel: "telegram", target: "7" },
  ]);
});

test("a turn that somebody waits for is interrupted as any other", async () => {
  const one = await stage.process("one", { spec: { whileBusy: "interrupt" } });
  stage.model.enqueue({ hang: true }, { text: "Here." });
  const long = await one.say("count all stars", { trigger: "job", afterEnd });
  const asked = await one.say("are you there?");
  await stage.clock.settle();

  expect(endOf(one.events, long.turnId)?.state).toBe("cancelled");
  expect(endOf(one.events, asked.turnId)?.text).toBe("Here.");
});
