import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type AcceptResult,
  type Clock,
  DEFAULT_SPACE_ID,
  type EffectHandler,
  type InboundMessage,
  type OutboundMessage,
  type ReceivingChannel,
  type ToolSource,
} from "@troupe/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../kit/index.ts";
import type { Environment } from "./config/index.ts";
import { openForCommand, type Serving, serve } from "./lifecycle.ts";
import { createAdjustableLogger } from "./logging.ts";

const options = { signal: new AbortController().signal };
const operator = { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "operator" } as const;
const logger = createAdjustableLogger({ level: "silent", isTerminal: false });

let home: string;
let environment: Environment;
let serving: Serving | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-life-"));
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  mkdirSync(join(home, "agents"));
  writeFileSync(join(home, "troupe.yaml"), "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  writeFileSync(
    join(home, "agents", "ana.yaml"),
    "id: ana\nname: Ana\ninstructions: Be kind.\ntools: [nap]\n",
  );
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  rmSync(home, { recursive: true, force: true });
});

/** One pure tool, `nap`, that runs until `wake` lets it. */
function napping(wake: Promise<unknown>, onNap: () => void = () => {}): ToolSource {
  return {
    id: "test",
    list: async () => [
      {
        spec: { name: "nap", description: "Naps.", inputSchema: { type: "object" }, kind: "pure" },
        async run() {
          onNap();
          await wake;
          return { text: "Rested." };
        },
      },
    ],
  };
}

function message(text: string): InboundMessage {
  return {
    agentId: "ana",
    channel: "terminal",
    sessionKey: "s1",
    peerId: "operator",
    audience: ["operator"],
    parts: [{ type: "text", text }],
    trigger: "chat",
    lane: "realtime",
    direct: { tool: "nap", input: {} },
    debounceMs: 0,
    receivedAt: Date.now(),
  };
}

function accept(text: string): Promise<AcceptResult> {
  if (serving === undefined) throw new Error("Troupe does not run.");
  return serving.troupe.inbox.accept(message(text), operator, options);
}

test("a turn that does not end within the grace is finished by the next start, once", async () => {
  const napped = Promise.withResolvers<void>();
  serving = await serve(environment, {
    logger,
    toolSources: [napping(new Promise(() => {}), napped.resolve)],
  });
  const accepted = await accept("nap");
  await napped.promise;

  await serving.stop({ graceMs: 0 });
  serving = await serve(environment, { logger, toolSources: [napping(Promise.resolve())] });
  const { stores } = serving.troupe;
  const turnId = accepted.kind === "accepted" ? accepted.turnId : "";
  await vi.waitFor(async () => expect((await stores.turns.get(turnId, options))?.state).toBe("replied"), {
    timeout: 8000,
  });

  const turn = await stores.turns.get(turnId, options);
  const messages = await stores.sessions.messages({ sessionId: turn?.sessionId ?? "" }, options);
  expect(turn?.attempt).toBe(2);
  expect(messages.items.map((one) => one.role)).toEqual(["user", "assistant"]);
});

test("stopping lets a running turn end within the grace, and takes no further one", async () => {
  const napped = Promise.withResolvers<void>();
  const wake = Promise.withResolvers<void>();
  serving = await serve(environment, { logger, toolSources: [napping(wake.promise, napped.resolve)] });
  const { health } = serving.troupe;
  const accepted = await accept("nap");
  await napped.promise;

  const stopped = serving.stop({ graceMs: 5000 });
  const refused = await accept("another");
  const whileStopping = health.ready();
  wake.resolve();
  await stopped;
  serving = await serve(environment, { logger, toolSources: [napping(Promise.resolve())] });
  const turn = await serving.troupe.stores.turns.get(
    accepted.kind === "accepted" ? accepted.turnId : "",
    options,
  );

  expect(turn).toMatchObject({ state: "replied", attempt: 1 });
  expect(refused).toMatchObject({ kind: "refused", code: "admission.full" });
  expect(whileStopping).toEqual({ ready: false, reasons: ["Troupe is stopping."] });
});

test("a start that fails on its way leaves the home free and nothing listening", async () => {
  serving = await serve(environment, { logger, toolSources: [napping(Promise.resolve())] });
  const port = new URL(serving.addresses?.gateway ?? "").port;
  const other = `${home}-other`;
  mkdirSync(join(other, "agents"), { recursive: true });
  writeFileSync(join(other, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  writeFileSync(
    join(other, "troupe.yaml"),
    `version: 1\nserver: { port: 0, metricsPort: ${port}, adminPort: 0 }\n`,
  );

  const failing = serve({ ...environment, home: other }, { logger });
  await expect(failing).rejects.toMatchObject({
    code: "port.taken",
    message: expect.stringContaining("server.metricsPort"),
  });
  writeFileSync(
    join(other, "troupe.yaml"),
    "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n",
  );
  const second = await serve({ ...environment, home: other }, { logger });
  await second.stop();
  rmSync(other, { recursive: true, force: true });

  expect(second.addresses?.gateway).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test("an agent that names a tool which no source brings is refused at the start", async () => {
  writeFileSync(
    join(home, "agents", "ana.yaml"),
    "id: ana\nname: Ana\ninstructions: Be kind.\ntools: [nab]\n",
  );

  await expect(
    serve(environment, { logger, toolSources: [napping(Promise.resolve())] }),
  ).rejects.toMatchObject({
    code: "config.invalid",
    message: expect.stringContaining('tools names the tool "nab"'),
  });
});

test("a start that fails after its workers began leaves no timer behind", async () => {
  serving = await serve(environment, { logger, toolSources: [napping(Promise.resolve())] });
  await serving.stop({ graceMs: 0 });
  serving = undefined;
  const database = new DatabaseSync(join(home, "data", "troupe.db"));
  database.exec(`INSERT INTO processes (id, pid, role, lease_until) VALUES ('other', 1, 'serve', 0);
    CREATE TRIGGER refusing BEFORE DELETE ON processes BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  database.close();
  const clock = countingClock();

  const starting = serve(environment, { logger, clock, toolSources: [napping(Promise.resolve())] });
  await expect(starting).rejects.toThrow();

  expect(clock.waiting).toBe(0);
});

test("the admin port has the operator's routes, and they are the operator's alone", async () => {
  serving = await serve(environment, { logger, toolSources: [napping(Promise.resolve())] });
  const { gateway = "", admin = "" } = serving.addresses ?? {};
  const operatorKey = serving.firstKey?.key ?? "";
  const ask = (address: string, path: string, key: string, body?: unknown): Promise<Response> =>
    fetch(`${address}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
  const made = (await (await ask(admin, "/api/keys", operatorKey, { name: "app" })).json()) as {
    key: string;
  };

  const reloaded = await ask(admin, "/admin/reload", operatorKey);

  expect([reloaded.status, await reloaded.json()]).toEqual([
    200,
    expect.objectContaining({ kind: "applied" }),
  ]);
  expect((await ask(admin, "/admin/reload", made.key)).status).toBe(403);
  expect((await fetch(`${admin}/admin/reload`, { method: "POST" })).status).toBe(401);
  expect((await ask(gateway, "/admin/reload", operatorKey)).status).toBe(404);
});

test("the operator's key is made by the start that tells it: not by a command, nor by a start that fails", async () => {
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const held = await openForCommand(environment, { command: "status", work: false });
  await held.close();
  const blocker = createServer();
  await once(blocker.listen(0, "127.0.0.1"), "listening");
  const { port } = blocker.address() as AddressInfo;
  const settings = (taken: number): string =>
    `version: 1\nserver: { port: ${taken}, metricsPort: 0, adminPort: 0 }\n`;
  writeFileSync(join(home, "troupe.yaml"), settings(port));
  await expect(serve(environment, { logger })).rejects.toMatchObject({ code: "port.taken" });
  await once(blocker.close(), "close");
  writeFileSync(join(home, "troupe.yaml"), settings(0));

  serving = await serve(environment, { logger });
  const first = serving.firstKey;
  await serving.stop({ graceMs: 0 });
  serving = await serve(environment, { logger });

  expect(first?.key).toMatch(/^trp_/);
  expect(serving.firstKey).toBeUndefined();
});

/** The machine's clock, which tells how many timers wait. */
function countingClock(): Clock & { readonly waiting: number } {
  const clock = systemClock();
  let waiting = 0;
  return {
    ...clock,
    get waiting() {
      return waiting;
    },
    schedule(delayMs, run) {
      waiting += 1;
      let isOver = false;
      const end = (): void => {
        if (!isOver) waiting -= 1;
        isOver = true;
      };
      const timer = clock.schedule(delayMs, () => {
        end();
        run();
      });
      return {
        [Symbol.dispose]() {
          end();
          timer[Symbol.dispose]();
        },
      };
    },
  };
}

/** A platform with one message from Kate, which it hands over once, and takes whatever is sent. */
function wire(text: string): {
  readonly channel: ReceivingChannel;
  readonly sent: readonly OutboundMessage[];
  readonly received: Promise<AcceptResult>;
} {
  const sent: OutboundMessage[] = [];
  const received = Promise.withResolvers<AcceptResult>();
  const channel: ReceivingChannel = {
    id: "wire",
    delivery: "keyed",
    async send(message) {
      sent.push(message);
      return {};
    },
    async receive(accept, { signal }) {
      const { agentId: _agent, channel: _channel, direct: _direct, ...message } = inboundOf(text);
      received.resolve(
        await accept({
          ...message,
          peerId: "kate",
          audience: ["kate"],
          trigger: "channel",
          platformId: "update-1",
        }),
      );
      if (!signal.aborted)
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
    },
  };
  return { channel, sent, received: received.promise };
}

const inboundOf = message;

test("a channel that is given to a start brings its messages, and their replies go back over it", async () => {
  const { channel, sent, received } = wire("hello");
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");

  serving = await serve(environment, { logger, channels: [channel] });

  const result = await received;
  await vi.waitFor(() => expect(sent).toHaveLength(1), { timeout: 8000 });
  expect(result).toMatchObject({ kind: "accepted" });
  expect(sent[0]).toMatchObject({ target: "kate", text: expect.stringMatching(/\w/) });
  const turnId = result.kind === "accepted" ? result.turnId : "";
  expect(await serving.troupe.stores.turns.get(turnId, options)).toMatchObject({
    state: "replied",
    trigger: "channel",
    agentId: "ana",
  });
});

test("a channel whose agent nobody named is refused at the start where there are several", async () => {
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  writeFileSync(join(home, "agents", "kate.yaml"), "id: kate\nname: Kate\ninstructions: Be brief.\n");
  const { channel } = wire("hello");

  await expect(serve(environment, { logger, channels: [channel] })).rejects.toMatchObject({
    code: "config.invalid",
    message: expect.stringContaining("ana, kate"),
  });
  await expect(
    serve(environment, { logger, channels: [channel], channelAgents: { wire: "max" } }),
  ).rejects.toMatchObject({ code: "config.invalid", message: expect.stringContaining('"max"') });
  serving = await serve(environment, { logger, channels: [channel], channelAgents: { wire: "kate" } });

  expect(serving.troupe.agents.size).toBe(2);
});

/** A tool whose effect is a piece of work after the reply. */
const noting: ToolSource = {
  id: "test",
  list: async () => [
    {
      spec: { name: "nap", description: "Notes.", inputSchema: { type: "object" }, kind: "transactional" },
      async run(_input, { turnId, sessionId, spaceId, now }) {
        const effect = { id: "note-1", spaceId, kind: "test.note", v: 1, lane: "realtime" } as const;
        const put = serving?.troupe.stores.effects.put({
          ...{ ...effect, turnId, sessionId, payload: {}, createdAt: now },
        });
        return { text: "Noted.", writes: put === undefined ? [] : [put] };
      },
    },
  ],
};

test("an effect handler that is given to a start does its work, at once", async () => {
  const handled: string[] = [];
  const handler: EffectHandler = {
    kind: "test.note",
    versions: [1],
    async handle(effect) {
      handled.push(effect.id);
      return [];
    },
  };
  serving = await serve(environment, { logger, toolSources: [noting], effectHandlers: [handler] });

  await accept("nap");

  // The next sweep would be much later than this.
  await vi.waitFor(() => expect(handled).toEqual(["note-1"]), { timeout: 8000 });
});

test("two effect handlers of one kind are refused at the start", async () => {
  const handler: EffectHandler = { kind: "test.note", versions: [1], handle: async () => [] };

  await expect(
    serve(environment, { logger, toolSources: [noting], effectHandlers: [handler, handler] }),
  ).rejects.toMatchObject({ code: "config.invalid", message: expect.stringContaining("test.note") });
});
