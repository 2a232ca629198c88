import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ErrorCode } from "@troupe/contracts";
import { createManualClock, endOf, type ScriptedAnswer, textIn } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  call,
  eventually,
  KEY,
  openProviderStage,
  type ProviderStage,
} from "../../../../tests/llm/provider-stage.ts";

let stage: ProviderStage;
beforeEach(async () => {
  stage = await openProviderStage();
});
afterEach(() => stage[Symbol.asyncDispose]());

const failWith: ProviderStage["failWith"] = (answer) => stage.failWith(answer);

async function writeApart(response: ServerResponse, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    response.write(piece);
    await nextTurn();
  }
  response.end();
}

const openAiError = (message: string, code: string | null = null, type = "invalid_request_error"): string =>
  JSON.stringify({ error: { message, type, param: null, code } });

describe("a status that is an error", () => {
  const cases: readonly [string, ScriptedAnswer, ErrorCode, boolean, string][] = [
    [
      "401",
      { status: 401, body: openAiError("No such key") },
      "model.auth",
      false,
      'refused our key (401, it said: "No such key").',
    ],
    ["403", { status: 403, body: "" }, "model.auth", false, "refused our key (403)."],
    ["402", { status: 402, body: "" }, "model.billing", false, "has no credit left on our account (402)."],
    [
      "404",
      { status: 404, body: openAiError("no llama") },
      "model.not_found",
      false,
      "does not exist at its provider (404",
    ],
    ["408", { status: 408, body: "" }, "model.timeout", true, "did not answer its own server in time (408)."],
    ["504", { status: 504, body: "<html>gateway</html>" }, "model.timeout", true, "in time (504)."],
    [
      "413",
      { status: 413, body: "" },
      "model.context_exceeded",
      false,
      "cannot read a conversation of this length (413).",
    ],
    [
      "400 with context_length_exceeded",
      { status: 400, body: openAiError("Too long.", "context_length_exceeded") },
      "model.context_exceeded",
      false,
      'of this length (400, it said: "Too long.").',
    ],
    [
      "400 of a local server about its context",
      { status: 400, body: '{"error":"the request exceeds the available context size"}' },
      "model.context_exceeded",
      false,
      "of this length (400",
    ],
    [
      "400",
      { status: 400, body: openAiError("bad field") },
      "model.rejected",
      false,
      'refused the request (400, it said: "bad field").',
    ],
    [
      "422",
      { status: 422, body: '{"detail":"nope"}' },
      "model.rejected",
      false,
      'refused the request (422, it said: "nope").',
    ],
    [
      "400 about the key",
      { status: 400, body: openAiError("API key not valid.") },
      "model.auth",
      false,
      "refused our key (400",
    ],
    [
      "429",
      { status: 429, body: "" },
      "model.rate_limited",
      true,
      "is receiving too many requests just now (429).",
    ],
    [
      "429 without quota",
      { status: 429, body: openAiError("You exceeded…", "insufficient_quota", "insufficient_quota") },
      "model.billing",
      false,
      "has no credit left on our account (429",
    ],
    [
      "500",
      { status: 500, body: "oops" },
      "model.unavailable",
      true,
      'is out of order just now (500, it said: "oops").',
    ],
    ["503", { status: 503, body: "" }, "model.unavailable", true, "is out of order just now (503)."],
    ["529", { status: 529, body: "" }, "model.unavailable", true, "is out of order just now (529)."],
    [
      "301",
      { status: 301, headers: { location: "https://elsewhere/v1" }, body: "" },
      "model.rejected",
      false,
      "sent us on to https://elsewhere/v1 (301); set baseUrl",
    ],
  ];
  test.each(cases)(
    "%s is told by its code and in one sentence",
    async (_name, answer, code, retryable, words) => {
      const end = await failWith(answer);

      expect(end.reason).toBe("error");
      expect(end.error).toMatchObject({ code, retryable });
      expect(end.error?.message.startsWith('The model "local/llama" ')).toBe(true);
      expect(end.error?.message).toContain(words);
      expect(end.usage).toEqual({ inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 });
    },
  );

  test.each([
    ["seconds", { "retry-after": "7" }, 7_000],
    ["milliseconds", { "retry-after-ms": "1250", "retry-after": "2" }, 1_250],
    ["a date", { "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT" }, 30_000],
    ["a number that no clock shows", { "retry-after": "1e300" }, 24 * 3_600_000],
  ])("says how long to wait, given in %s", async (_name, headers, retryAfterMs) => {
    const clock = createManualClock(Date.UTC(2026, 10, 20, 12, 0, 0));
    stage.server.enqueue({ status: 429, headers });

    const end = endOf(await call(stage.another({}, clock)).ended);

    expect(end.error?.retryAfterMs).toBe(retryAfterMs);
  });

  test("never repeats our key, and quotes at most two hundred characters in one line", async () => {
    const end = await failWith({ status: 401, body: openAiError(`Bad key ${KEY}\n${"x ".repeat(500)}`) });

    expect(end.error?.message).not.toContain(KEY);
    expect(end.error?.message).toContain("[redacted]");
    expect(end.error?.message).not.toContain("\n");
    expect(end.error?.message.length).toBeLessThan(320);
  });

  test("is quoted letter by letter, wherever a network read ends", async () => {
    const body = Buffer.from(openAiError("Слів забагато"));
    const pieces = Array.from(body, (_, at) => body.subarray(at, at + 1));
    const server = createServer((_request, response) => {
      response.writeHead(400, { "content-type": "application/json" });
      void writeApart(response, pieces);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

    const end = endOf(await call(stage.another({ baseUrl })).ended);
    server.close();
    server.closeAllConnections();

    expect(end.error?.message).toContain('it said: "Слів забагато"');
  });

  test("never repeats what configured headers hold, for some providers take their key there", async () => {
    const key = "0123456789abcdef-azure";
    stage.server.enqueue({ status: 401, body: openAiError(`Access denied due to invalid key ${key}`) });

    const { error } = endOf(await call(stage.another({ headers: { "api-key": key } })).ended);

    expect(error?.message).toContain("invalid key [redacted]");
    expect(error?.message).not.toContain(key);
  });

  test("is quoted without what would steer a terminal", async () => {
    const end = await failWith({ status: 400, body: openAiError("no\u001b]0;owned\u0007 \u009b31mway") });

    expect(end.error?.message).toContain('it said: "no way"');
  });

  test("with a body without end is cut", async () => {
    const end = await failWith({ status: 500, body: "x".repeat(2_000_000) });

    expect(end.error?.code).toBe("model.unavailable");
  });
});

describe("an answer that goes wrong", () => {
  test("cut at the end of its body is a bad response that may be asked for again", async () => {
    const end = await failWith({ tokens: ["a ", "b ", "c ", "d"], cut: "body" });

    expect(end.error).toMatchObject({ code: "model.bad_response", retryable: true });
    expect(end.error?.message).toBe('The model "local/llama" broke off in the middle of its answer.');
    expect(end.told).toBe("a b c ");
    expect(end).toMatchObject({ estimated: true });
    expect(end.usage.inputTokens).toBeGreaterThan(0);
    expect(end.usage.outputTokens).toBeGreaterThan(0);
  });

  test("cut with its connection is unavailable and may be asked for again", async () => {
    const end = await failWith({ tokens: ["a ", "b ", "c ", "d"], cut: "connection" });

    expect(end.error).toMatchObject({ code: "model.unavailable", retryable: true });
    expect(end.error?.message).toContain("broke off in the middle of its answer (connection lost).");
    expect(end.told).toBe("a b c ");
  });

  test("cut within a tool call gives no call", async () => {
    stage.server.enqueue({
      toolCalls: [{ callId: "c", name: "dice", arguments: '{"x":"yes"}' }],
      cut: "body",
    });

    const events = await call(stage.provider).ended;

    expect(events.map((event) => event.type)).toEqual(["end"]);
    expect(endOf(events).error?.code).toBe("model.bad_response");
  });

  test.each([
    ["a page of HTML", ["<!doctype html><html><body>Welcome</body></html>"]],
    ["no JSON in an event", ['data: {"choices": oops}\n\n', "data: [DONE]\n\n"]],
    ["JSON of something else", ['{"hello":"world"}']],
    ["half a JSON body", ['{"choices":[{"mess']],
    ["[DONE] alone", ["data: [DONE]\n\n"]],
    ["nothing", [""]],
    ["random bytes", [Uint8Array.from({ length: 300 }, (_, at) => (at * 7919) % 256)]],
    ["a number in an event", ["data: 7\n\n"]],
    ["half an event and no more", ['data: {"choices":[\n\n']],
  ])("of garbage (%s) is a bad response", async (_name, raw) => {
    const end = await failWith({ raw });

    expect(end.error).toMatchObject({ code: "model.bad_response", retryable: true });
    expect(end.error?.message).toMatch(/sent something that cannot be read\.$|without beginning it\.$/);
  });

  test("that announces a call and makes none is a bad response, not an empty reply", async () => {
    const end = await failWith({ text: "", finish: "tool_calls" });

    expect(end.error).toMatchObject({ code: "model.bad_response", retryable: true });
    expect(end.error?.message).toContain("announced a tool call and made none");
  });

  test.each([
    ['{"choices":[null]}'],
    ['{"choices":[{"delta":{"tool_calls":[null],"reasoning_details":[null]}}]}'],
    ['{"choices":[{"delta":"word"}],"usage":7}'],
  ])("with a hole in it (%s) is read on", async (event) => {
    const raw = [
      `data: ${event}\n\n`,
      'data: {"choices":[{"delta":{"content":"So"},"finish_reason":"stop"}]}\n\n',
    ];
    stage.server.enqueue({ raw });

    const events = await call(stage.provider).ended;

    expect(textIn(events)).toBe("So");
    expect(endOf(events).reason).toBe("stop");
  });

  const event = (delta: object): string => `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`;
  test.each<[string, (n: number) => string]>([
    ["one event that never ends", (n) => `data: ${n === 0 ? '{"choices":[' : "1,".repeat(500_000)}\n`],
    [
      "calls without end",
      (n) => event({ tool_calls: Array.from({ length: 100 }, (_, at) => ({ id: `${n} ${at}` })) }),
    ],
    [
      "sealed thoughts without end",
      () => event({ reasoning_details: [{ type: "sealed", data: "x".repeat(1_000_000) }] }),
    ],
  ])("of %s is stopped while it is small", async (_name, piece) => {
    const end = await failWith({ raw: Array.from({ length: 40 }, (_, n) => piece(n)) });

    expect(end.error?.message).toMatch(/sent more than any answer holds|cannot be read/);
    await eventually(() => stage.server.requests[0]?.isAborted === true);
    expect(stage.server.requests[0]?.isAborted).toBe(true);
  });

  test("of one endless line is stopped while it is small", async () => {
    const piece = "x".repeat(1024 * 1024);
    const end = await failWith({ raw: ["data: {", ...Array<string>(40).fill(piece)] });

    expect(end.error).toMatchObject({ code: "model.bad_response", retryable: true });
    expect(end.error?.message).toContain("sent more than any answer holds");
    expect(stage.server.requests[0]?.isAborted).toBe(true);
  });

  test.each([
    ["with a status", { message: "Overloaded", code: 503 }, "model.unavailable", true],
    ["about the rate", { message: "Rate limit reached", code: "rate_limit" }, "model.rate_limited", true],
    ["about length", { message: "maximum context length is 8192" }, "model.context_exceeded", false],
    ["of another kind", { message: "The GPU fell asleep" }, "model.unavailable", true],
  ])("tells an error in its stream, %s", async (_name, error, code, retryable) => {
    const raw = [
      'data: {"choices":[{"delta":{"content":"So "}}]}\n\n',
      `data: ${JSON.stringify({ error })}\n\n`,
    ];
    const end = await failWith({ raw });

    expect(end.told).toBe("So ");
    expect(end.error).toMatchObject({ code, retryable });
    expect(end.error?.message).toContain(error.message);
  });

  test("tells an error in a JSON body that says it was fine", async () => {
    const end = await failWith({ raw: ['{"error":{"message":"no credit: billing","code":402}}'] });

    expect(end.error?.code).toBe("model.billing");
  });
});
