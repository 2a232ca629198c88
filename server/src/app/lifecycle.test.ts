import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AcceptResult, DEFAULT_SPACE_ID, type InboundMessage, type ToolSource } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Environment } from "./config/index.ts";
import { type Serving, serve } from "./lifecycle.ts";
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
