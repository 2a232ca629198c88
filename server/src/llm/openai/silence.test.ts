import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { createManualClock, endOf, type ManualClock, textIn } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  call,
  eventually,
  expectWorking,
  openProviderStage,
  type ProviderStage,
} from "../../../../tests/llm/provider-stage.ts";
import { systemClock } from "../../kit/index.ts";

let clock: ManualClock;
let stage: ProviderStage;

/** Time passes only when a test says so, so that a busy machine makes no difference. */
async function open(timeouts: object): Promise<void> {
  clock = createManualClock();
  stage = await openProviderStage({ clock, config: { timeouts } });
}

afterEach(() => stage[Symbol.asyncDispose]());

describe("silence", () => {
  beforeEach(() => open({ connectMs: 10_000, firstTokenMs: 80, idleMs: 60 }));

  test.each(["headers", "first-token"] as const)("before the first token (%s) ends in time", async (hang) => {
    stage.server.enqueue({ text: "never", hang });
    const running = call(stage.provider);
    await eventually(() => stage.server.requests.length === 1);
    await clock.advance(79);
    expect(running.events).toEqual([]);
    await clock.advance(1);
    const { error } = endOf(await running.ended);

    expect(error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(error?.message).toBe('The model "local/llama" did not begin to answer within 0.1 s.');
    await expectWorking(stage.provider);
  });

  test("in the middle ends in time and keeps what was said", async () => {
    stage.server.enqueue({ tokens: ["a ", "b ", "c ", "d"], hang: "middle" });
    const running = call(stage.provider);
    await running.until("a b c ");
    await clock.advance(60);
    const end = endOf(await running.ended);

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toBe(
      'The model "local/llama" fell silent for 0.1 s in the middle of its answer.',
    );
    expect(textIn(running.events)).toBe("a b c ");
    expect(end.usage.outputTokens).toBeGreaterThan(0);
    await expectWorking(stage.provider);
  });

  test("does not end an answer that is slow but alive", async () => {
    const tokens = ["a ", "b ", "c ", "d ", "e"];
    // Each word is let out when time has passed since the last one was read, so that no two of them come as one.
    const released = tokens.map(() => Promise.withResolvers<void>());
    stage.server.enqueue({ tokens, pace: async (chunk) => await released[chunk - 1]?.promise });
    const running = call(stage.provider);
    let said = "";
    for (const [at, token] of tokens.entries()) {
      released[at]?.resolve();
      said += token;
      if (at === tokens.length - 1) break;
      await running.until(said);
      await clock.advance(50);
    }

    expect(endOf(await running.ended).reason).toBe("stop");
    expect(textIn(running.events)).toBe("a b c d e");
  });

  test("after the reason why it ended is not waited out", async () => {
    stage.server.enqueue({ text: "All said", hang: "finish" });
    const running = call(stage.another({ timeouts: {} }));
    await running.until("All said");
    await clock.advance(2_000);
    const events = await running.ended;

    expect(textIn(events)).toBe("All said");
    expect(endOf(events)).toMatchObject({ reason: "stop", estimated: true });
  });

  test("while a connection is made ends with a sentence of its own", async () => {
    // The other side takes the connection and never answers the TLS greeting.
    const mute = createServer((socket) => void socket.on("error", () => {}));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const own = stage.another(
      {
        baseUrl: `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`,
        timeouts: { connectMs: 120, firstTokenMs: 60_000 },
      },
      systemClock(),
    );

    const end = endOf(await call(own).ended);
    mute.close();

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" could not be connected to within 0.1 s.');
    expect(end.usage.inputTokens).toBe(0);
  });

  test("for want of a free connection says so", async () => {
    const own = stage.another({ maxConcurrentCalls: 1, timeouts: { firstTokenMs: 80, idleMs: 5_000 } });
    stage.server.enqueue({ tokens: ["a ", "b ", "c ", "d "], hang: "middle" });
    const first = call(own);
    await first.until("a b c ");
    const second = call(own);
    await clock.advance(80);
    const end = endOf(await second.ended);

    expect(end.error?.message).toBe('The model "local/llama" had no free connection for 0.1 s.');
    expect(end.usage.inputTokens).toBe(0);
    expect(first.events.at(-1)?.type).toBe("text-delta");
  });
});

describe("a server that is not there", () => {
  beforeEach(() => open({}));

  test("is named as refusing connections", async () => {
    await stage.server.close();

    const end = endOf(await call(stage.provider).ended);

    expect(end.error).toMatchObject({ code: "model.unavailable", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" cannot be reached (connection refused).');
    expect(end.usage.inputTokens).toBe(0);
  });

  test("is named as unknown when its name is", async () => {
    const own = stage.another({ baseUrl: "http://no-such-host.invalid/v1" });

    const end = endOf(await call(own).ended);

    expect(end.error).toMatchObject({ code: "model.unavailable", retryable: true });
    expect(end.error?.message).toContain("its host name is not known");
  });

  test.each([
    ["closes at once", "", /closed the connection before it answered|cannot be reached/],
    ["speaks something else", "SSH-2.0-OpenSSH_9.6\r\n", /something that is not HTTP/],
  ])("and where something else answers that %s, it says so", async (_name, greeting, words) => {
    const other = createServer((socket) => {
      socket.on("error", () => {});
      if (greeting === "") socket.destroy();
      else socket.end(greeting);
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const own = stage.another({ baseUrl: `http://127.0.0.1:${(other.address() as AddressInfo).port}/v1` });

    const end = endOf(await call(own).ended);
    other.close();

    expect(end.error?.message).toMatch(words);
    expect(end.error?.retryable).toBe(true);
  });

  test("ends running calls when it is closed", async () => {
    stage.server.enqueue({ text: "never", hang: "first-token" });

    const running = call(stage.provider);
    await eventually(() => stage.server.requests.length === 1);
    await stage.provider.close();

    expect(endOf(await running.ended).error).toMatchObject({ code: "model.unavailable" });
  });
});
