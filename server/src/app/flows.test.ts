import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_SPACE_ID, type FlowDefinition } from "@troupe/contracts";
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
  home = mkdtempSync(join(tmpdir(), "troupe-flows-"));
  environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  mkdirSync(join(home, "agents"));
  writeFileSync(join(home, "troupe.yaml"), "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\n");
  const tools = "tools: [flow_start, flow_list]";
  writeFileSync(
    join(home, "agents", "ana.yaml"),
    `id: ana\nname: Ana\nmodel: offline/guide\ninstructions: Be kind.\n${tools}\n`,
  );
});

afterEach(async () => {
  await serving?.stop({ graceMs: 0 });
  serving = undefined;
  rmSync(home, { recursive: true, force: true });
});

/** Waits for an event, asks an agent, and ends with what it said. */
const greeting: FlowDefinition = {
  name: "greeting",
  version: 1,
  first: "wait",
  steps: {
    wait: {
      run: async () => ({
        next: { wait: { kind: "event", topic: "arrived", correlationId: "7", to: "greet" } },
      }),
    },
    greet: { run: async () => ({ next: { turn: { agentId: "ana", text: "hello" }, to: "end" } }) },
    end: { run: async () => ({ next: { done: true } }) },
  },
};

test("a flow survives a restart while it waits, then gives an agent a turn and ends with what that said", async () => {
  serving = await serve(environment, { logger, flows: [greeting] });
  const { id } = await serving.troupe.flowPort.start({ definition: "greeting" }, operator, options);
  await vi.waitFor(
    async () => expect((await serving?.troupe.stores.flows.get(id, options))?.status).toBe("waiting"),
    10_000,
  );
  await serving.stop();

  serving = await serve(environment, { logger, flows: [greeting] });
  const event = { topic: "arrived", correlationId: "7", eventId: "e-1" };
  expect(await serving.troupe.flowPort.signal(event, operator, options)).toMatchObject({ kind: "resumed" });

  await vi.waitFor(
    async () => expect((await serving?.troupe.stores.flows.get(id, options))?.status).toBe("finished"),
    15_000,
  );
  const flow = await serving.troupe.stores.flows.get(id, options);
  expect(flow?.state.turn).toMatchObject({ state: "replied", text: expect.stringMatching(/\w/) });
});
