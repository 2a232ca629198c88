import type { Gate, InboundMessage, Principal } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { inboundOf } from "../../../tests/turns/stage.ts";
import { createRateLimit } from "../kit/index.ts";
import { rateLimited } from "./gates.ts";
import { passGates } from "./pass-gates.ts";

const principal: Principal = { spaceId: "default", kind: "key", id: "key-1" };
const message: InboundMessage = inboundOf("hello", 0);
const allow: Gate = { id: "allow", check: () => ({ kind: "allow" }) };

test("a gate that throws denies, and the log names it", () => {
  const log = createLogRecorder();
  const broken: Gate = {
    id: "broken",
    check: () => {
      throw new Error("boom");
    },
  };

  const passed = passGates([allow, broken], message, principal, log);

  expect(passed).toMatchObject({ kind: "refused", code: "internal" });
  expect(log.lines).toMatchObject([
    { level: "error", event: "inbox.gate_failed", fields: { gate: "broken" } },
  ]);
});

test("what one gate changes is what the next one sees and what goes on", () => {
  const seen: string[] = [];
  const rewrite: Gate = {
    id: "rewrite",
    check: (one) => ({ kind: "modify", message: { ...one, lane: "background" }, reason: "quiet hours" }),
  };
  const look: Gate = {
    id: "look",
    check: (one) => {
      seen.push(one.lane);
      return { kind: "allow" };
    },
  };

  const passed = passGates([rewrite, look], message, principal, createLogRecorder());

  expect(seen).toEqual(["background"]);
  expect(passed).toMatchObject({ kind: "passed", message: { lane: "background" } });
});

test("the latest of several deferrals counts", () => {
  const until = (untilMs: number): Gate => ({
    id: "d",
    check: () => ({ kind: "defer", untilMs, reason: "later" }),
  });

  const passed = passGates([until(500), until(200)], message, principal, createLogRecorder());

  expect(passed).toMatchObject({ kind: "passed", untilMs: 500 });
});

test("the rate limit counts per key, channel and peer, and says when to come back in the sender's language", () => {
  const gate = rateLimited(createRateLimit({ clock: createManualClock(), perMinute: () => 1 }));
  const ukrainian = inboundOf("Що ти вмієш?", 0);

  expect(gate.check(ukrainian, principal).kind).toBe("allow");
  expect(gate.check(ukrainian, principal)).toMatchObject({
    kind: "deny",
    code: "rate.limited",
    retryAfterMs: 60_000,
    reason: expect.stringContaining("60 с"),
  });
  expect(gate.check({ ...ukrainian, peerId: "p2" }, principal).kind).toBe("allow");
  expect(gate.check({ ...ukrainian, channel: "terminal" }, principal).kind).toBe("allow");
  expect(gate.check(ukrainian, { ...principal, id: "key-2" }).kind).toBe("allow");
});
