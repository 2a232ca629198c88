import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { ModelRequest } from "@troupe/contracts";
import {
  collectEvents,
  createManualClock,
  type EndEvent,
  endOf,
  type ScriptedAnswer,
  type ScriptedModelServer,
  startScriptedModelServer,
  textIn,
} from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../kit/index.ts";
import { createOpenAiCompatibleProvider, type OpenAiCompatibleProvider } from "./provider.ts";

const ask: ModelRequest = { messages: [{ role: "user", text: "hello" }], tools: [] };
const KEY = "sk-test-0123456789abcdef";
let server: ScriptedModelServer;
let provider: OpenAiCompatibleProvider;
beforeEach(async () => {
  server = await startScriptedModelServer();
  provider = providerWith({});
});
afterEach(async () => {
  await provider.close();
  await server.close();
});

function providerWith(timeouts: object, baseUrl = server.baseUrl): OpenAiCompatibleProvider {
  const deps = { clock: systemClock(), random: () => 0.5 };
  return createOpenAiCompatibleProvider({ name: "local", baseUrl, apiKey: KEY, timeouts }, deps);
}

/** The end of a call that goes wrong, after making sure that the next one works. */
async function failWith(answer: ScriptedAnswer): Promise<EndEvent & { readonly told: string }> {
  server.enqueue(answer);
  const events = await collectEvents(provider.model("llama"), ask);
  const next = await collectEvents(provider.model("llama"), ask);
  expect(textIn(next)).toBe("You said: hello");
  expect(endOf(next).reason).toBe("stop");
  return { ...endOf(events), told: textIn(events) };
}

describe("silence", () => {
  const timeouts = { connectMs: 150, firstTokenMs: 80, idleMs: 60 };
  beforeEach(async () => {
    await provider.close();
    provider = providerWith(timeouts);
  });

  test.each(["headers", "first-token"] as const)("before the first token (%s) ends in time", async (hang) => {
    const end = await failWith({ text: "never", hang });

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" did not begin to answer within 0.1 s.');
  });

  test("in the middle ends in time and keeps what was said", async () => {
    const end = await failWith({ tokens: ["a ", "b ", "c ", "d"], hang: "middle" });

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toBe(
      'The model "local/llama" fell silent for 0.1 s in the middle of its answer.',
    );
    expect(end.told).toBe("a b c ");
    expect(end.usage.outputTokens).toBeGreaterThan(0);
  });

  test("does not end an answer that is slow but alive", async () => {
    server.enqueue({ tokens: ["a ", "b ", "c ", "d ", "e"], gapMs: 30 });

    const events = await collectEvents(provider.model("llama"), ask);

    expect(endOf(events).reason).toBe("stop");
    expect(textIn(events)).toBe("a b c d e");
  });

  test("after the reason why it ended is not waited out", async () => {
    const clock = createManualClock();
    const own = createOpenAiCompatibleProvider(
      { name: "local", baseUrl: server.baseUrl },
      { clock, random: () => 0 },
    );
    server.enqueue({ text: "All said", hang: "finish" });

    const running = collectEvents(own.model("llama"), ask);
    for (let n = 0; n < 20 && server.requests.length === 0; n++)
      await new Promise((resolve) => void setTimeout(resolve, 5));
    await new Promise((resolve) => void setTimeout(resolve, 30));
    await clock.advance(2_000);
    const events = await running;
    await own.close();

    expect(textIn(events)).toBe("All said");
    expect(endOf(events)).toMatchObject({ reason: "stop", estimated: true });
  });

  test("while a connection is made ends with a sentence of its own", async () => {
    // The other side takes the connection and never answers the TLS greeting.
    const mute = createServer((socket) => void socket.on("error", () => {}));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const own = providerWith(
      { connectMs: 120, firstTokenMs: 5_000 },
      `https://127.0.0.1:${(mute.address() as AddressInfo).port}/v1`,
    );

    const end = endOf(await collectEvents(own.model("llama"), ask));
    await own.close();
    mute.close();

    expect(end.error).toMatchObject({ code: "model.timeout", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" could not be connected to within 0.1 s.');
    expect(end.usage.inputTokens).toBe(0);
  });

  test("for want of a free connection says so", async () => {
    const own = createOpenAiCompatibleProvider(
      {
        name: "local",
        baseUrl: server.baseUrl,
        maxConcurrentCalls: 1,
        timeouts: { firstTokenMs: 80, idleMs: 5_000 },
      },
      { clock: systemClock(), random: () => 0 },
    );
    server.enqueue({ tokens: ["a ", "b ", "c ", "d "], hang: "middle" });

    const first = own
      .model("llama")
      .stream(ask, { signal: AbortSignal.timeout(5_000) })
      [Symbol.asyncIterator]();
    await first.next();
    const end = endOf(await collectEvents(own.model("llama"), ask));
    await first.return?.();
    await own.close();

    expect(end.error?.message).toBe('The model "local/llama" had no free connection for 0.1 s.');
    expect(end.usage.inputTokens).toBe(0);
  });
});

describe("a server that is not there", () => {
  test("is named as refusing connections", async () => {
    await server.close();

    const end = endOf(await collectEvents(provider.model("llama"), ask));

    expect(end.error).toMatchObject({ code: "model.unavailable", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" cannot be reached (connection refused).');
    expect(end.usage.inputTokens).toBe(0);
  });

  test("is named as unknown when its name is", async () => {
    const own = providerWith({}, "http://no-such-host.invalid/v1");

    const end = endOf(await collectEvents(own.model("llama"), ask));
    await own.close();

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
    const own = providerWith({}, `http://127.0.0.1:${(other.address() as AddressInfo).port}/v1`);

    const end = endOf(await collectEvents(own.model("llama"), ask));
    await own.close();
    other.close();

    expect(end.error?.message).toMatch(words);
    expect(end.error?.retryable).toBe(true);
  });

  test("ends running calls when it is closed", async () => {
    server.enqueue({ text: "never", hang: "first-token" });

    const running = collectEvents(provider.model("llama"), ask);
    await new Promise((resolve) => void setTimeout(resolve, 30));
    await provider.close();

    expect(endOf(await running).error).toMatchObject({ code: "model.unavailable" });
  });
});
