import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AcceptResult,
  DEFAULT_SPACE_ID,
  type Principal,
  type Trigger,
  type TurnEvent,
} from "@troupe/contracts";
import { type ScriptedAnswer, type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Environment } from "../../server/src/app/config/index.ts";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";
import { inboundOf } from "../turns/stage.ts";

/** The whole of Troupe behind its real ports, with a model on the real wire. */

const options = { signal: new AbortController().signal };
const logger = createAdjustableLogger({ level: "silent", isTerminal: false });

let home: string;
let store: HomeStore;
let environment: Environment;
let model: ScriptedModelServer;
let serving: Serving | undefined;
let address: string;
let key: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "troupe-http-"));
  store = await openHomeStore();
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  model = await startScriptedModelServer();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted] }
${store.yaml}`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  key = "";
  await start();
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  await model.close();
  await store[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

async function start(): Promise<Serving> {
  serving = await serve(environment, { logger });
  address = serving.addresses?.gateway ?? "";
  key ||= serving.firstKey?.key ?? "";
  return serving;
}

function call(
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${address}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Loosely typed: each test says itself what it expects. */
// biome-ignore lint/suspicious/noExplicitAny: a precise type would repeat what the assertion says.
async function json(response: Response | Promise<Response>): Promise<any> {
  return (await response).json();
}

async function until<Value>(read: () => Promise<Value>, isIt: (value: Value) => boolean): Promise<Value> {
  for (;;) {
    const value = await read();
    if (isIt(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function gate(): { readonly wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}

describe("readiness, over real ports", () => {
  const get = async (path: string): Promise<[number, unknown]> => {
    const response = await fetch(`${address}${path}`);
    return [response.status, await response.json()];
  };

  test("/health always answers 200, and /ready says why work is not taken", async () => {
    const { health } = (serving as Serving).troupe;
    expect(await get("/ready")).toEqual([200, { ready: true, reasons: [] }]);

    health.enter("starting");
    expect(await get("/ready")).toEqual([503, { ready: false, reasons: ["Troupe is starting."] }]);
    expect(await get("/health")).toEqual([200, { status: "ok", version: expect.any(String) }]);
  });

  test("what is refused before it is ready leaves no mark: the same request is taken afterwards", async () => {
    const { health, stores } = (serving as Serving).troupe;
    const send = (): Promise<Response> =>
      call("/api/agents/ana/messages", { text: "hello", session: "s1" }, { "idempotency-key": "k1" });
    health.enter("starting");
    const refused = await send();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({
      code: "not_ready",
      detail: expect.stringContaining("starting"),
    });
    expect(await stores.inbox.counts(DEFAULT_SPACE_ID, options)).toMatchObject({ states: {} });

    health.enter("ready");
    expect(await json(send())).toMatchObject({ state: "replied", text: "You said: hello" });
  });

  test("while it stops it says so, lets what runs end, and takes nothing further", async () => {
    const held = gate();
    model.setRule(() => ({ text: "Just in time.", after: held.wait }));
    const running = call("/api/agents/ana/messages", { text: "hello", session: "s1" });
    await until(
      async () => model.requests.length,
      (count) => count === 1,
    );

    const stopped = (serving as Serving).stop({ graceMs: 10_000 });
    expect(await get("/ready")).toEqual([503, { ready: false, reasons: ["Troupe is stopping."] }]);
    expect((await get("/health"))[0]).toBe(200);
    expect((await call("/api/agents/ana/messages", { text: "another" })).status).toBe(503);
    held.open();

    expect(await json(running)).toMatchObject({ state: "replied", text: "Just in time." });
    await stopped;
    serving = undefined;
    await expect(get("/health")).rejects.toThrow();
  });
});

describe("the same request twice, over real ports", () => {
  const send = (text: string, idempotencyKey: string): Promise<Response> =>
    call("/api/agents/ana/messages", { text, session: "s1" }, { "idempotency-key": idempotencyKey });

  test("is one turn, however many come at one time, and the model is asked once", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => json(send("hello", "k1"))));

    expect(new Set(answers.map((answer) => answer.turnId)).size).toBe(1);
    for (const answer of answers) expect(answer.text).toBe("You said: hello");
    expect(model.requests).toHaveLength(1);
    expect((await json(call("/api/turns"))).items).toHaveLength(1);
  });

  test("with another body is refused, and is no turn", async () => {
    await send("hello", "k1");
    const other = await send("something else", "k1");

    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ code: "request.conflict" });
    expect(model.requests).toHaveLength(1);
  });

  test("is known after a restart too, and told the kept reply", async () => {
    const first = await json(send("hello", "k1"));
    await serving?.stop();
    await start();
    const again = await json(send("hello", "k1"));

    expect(again).toMatchObject({ turnId: first.turnId, text: "You said: hello", state: "replied" });
    expect(model.requests).toHaveLength(1);
  });
});

describe("turns that no client asked for", () => {
  const system: Principal = { spaceId: DEFAULT_SPACE_ID, kind: "system", id: "system" };
  const accept = (trigger: Trigger): Promise<AcceptResult> =>
    (serving as Serving).troupe.inbox.accept(
      { ...inboundOf(`by ${trigger}`, Date.now()), trigger, sessionKey: trigger, lane: "background" },
      system,
      options,
    );

  test.each(["job", "agent", "flow", "invocation", "channel"] as const)(
    "one of the trigger %s runs the same six steps, and is seen and followed at the gateway",
    async (trigger) => {
      const held = gate();
      model.setRule(() => ({ text: "Done.", after: held.wait }));
      const accepted = await accept(trigger);
      if (accepted.kind !== "accepted") throw new Error(`not accepted: ${JSON.stringify(accepted)}`);
      const stream = await call(`/api/turns/${accepted.turnId}/events`);
      held.open();
      const events = (await stream.text())
        .split("\n\n")
        .flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? [])
        .map((data) => JSON.parse(data) as TurnEvent);
      const shown = await json(call(`/api/turns/${accepted.turnId}`));

      expect(events.at(-1)).toMatchObject({ type: "end", state: "replied", text: "Done." });
      expect(shown.turn).toMatchObject({ trigger, lane: "background", state: "replied", attempt: 1 });
      expect(shown.turn.trace.map((entry: { what: string }) => entry.what)).toEqual([
        "open",
        "place",
        "equip",
        "prompt",
        "model",
        "commit",
      ]);
      expect(shown.inbound.map((row: { state: string }) => row.state)).toEqual(["replied"]);
    },
  );
});

describe("the end of a turn", () => {
  test("waits for what must be kept and for nothing that may come later", async () => {
    const held = gate();
    let summaries = 0;
    model.setRule(({ tools, messages }): ScriptedAnswer => {
      // A turn offers tools; the summary of the storyline asks without.
      if ((tools?.length ?? 0) > 0) return { text: `Answer ${messages.length}.` };
      summaries += 1;
      return { text: "They count.", after: held.wait };
    });
    let last = { turnId: "" };
    for (let n = 1; n <= 20; n++) {
      last = await json(call("/api/agents/ana/messages", { text: `number ${n}`, session: "s1" }));
    }
    // The last answer is here, and its record whole, while its aftermath has hardly begun.
    const early = await json(call(`/api/turns/${last.turnId}`));
    expect(early.turn.state).toBe("replied");
    expect(early.reply.parts[0].text).toMatch(/^Answer /);
    expect(early.modelCalls).toHaveLength(1);
    expect(early.effects).toMatchObject([{ kind: "storyline.summary" }]);
    expect(early.effects[0].state).not.toBe("done");

    held.open();
    const late = await until(
      () => json(call(`/api/turns/${last.turnId}`)),
      (turn) => turn.effects[0].state === "done",
    );
    expect(summaries).toBe(1);
    expect(late.reply).toEqual(early.reply);
  });
});

test.each([
  ["length", "length"],
  ["content_filter", "content_filter"],
  ["stop", "stop"],
])("a reply that the model ended by %s says so to a client of the OpenAI dialect", async (finish, told) => {
  model.setRule(() => ({ text: "Half a sent", finish }));
  const body = { model: "ana", messages: [{ role: "user", content: "hello" }] };
  const whole = await json(call("/v1/chat/completions", body));
  const streamed = await (await call("/v1/chat/completions", { ...body, stream: true })).text();

  expect(whole.choices[0]).toMatchObject({ finish_reason: told, message: { content: "Half a sent" } });
  expect(streamed).toContain(`"finish_reason":"${told}"`);
});
