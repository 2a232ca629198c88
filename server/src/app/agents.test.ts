import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics, systemClock } from "../kit/index.ts";
import { type InlineStores, openInlineStores } from "../store/index.ts";
import { createAgentDirectory, importAgents, withTurnDefaults } from "./agents.ts";
import { makeFirstKey } from "./keys.ts";
import { createAdjustableLogger } from "./logging.ts";

const clock = systemClock();
const ids = createIdGenerator(clock);
const options = { signal: new AbortController().signal };
const ana = { id: "ana", name: "Ana", model: "default", instructions: "Be kind." };
const kate = { id: "kate", name: "Kate", model: "default", instructions: "Tell stories." };

let store: InlineStores;

beforeEach(() => {
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  store = openInlineStores({ memory: true, clock, ids, logger, metrics: createMetrics() });
});

afterEach(() => store.close());

const bringIn = (...specs: (typeof ana)[]) =>
  importAgents({ stores: store.stores, clock }, DEFAULT_SPACE_ID, specs, options);

test("a changed blueprint gets its next revision, an unchanged one keeps its own", async () => {
  const first = await bringIn(ana, kate);
  const second = await bringIn({ ...ana, instructions: "Be kind and short." }, kate);
  const third = await bringIn({ ...ana, instructions: "Be kind and short." }, kate);

  expect(first.map((agent) => agent.revision)).toEqual([1, 1]);
  expect(second.map((agent) => [agent.spec.instructions, agent.revision])).toEqual([
    ["Be kind and short.", 2],
    ["Tell stories.", 1],
  ]);
  expect(third).toEqual(second);
});

test("an agent whose file is gone is hidden, and comes back with its file", async () => {
  await bringIn(ana, kate);
  await bringIn(ana);
  const without = await store.stores.agents.list(DEFAULT_SPACE_ID, options);
  const back = await bringIn(ana, kate);

  expect(without.map((agent) => agent.spec.id)).toEqual(["ana"]);
  expect(back.map((agent) => agent.spec.id)).toEqual(["ana", "kate"]);
});

test("the directory swaps all agents at once, and who holds one keeps it", async () => {
  const directory = createAgentDirectory();
  directory.swap(await bringIn(ana, kate));
  const held = directory.get(DEFAULT_SPACE_ID, "kate");

  directory.swap(await bringIn(ana));

  expect(directory.get(DEFAULT_SPACE_ID, "kate")).toBeUndefined();
  expect(held?.spec.name).toBe("Kate");
  expect(directory.list("another space")).toEqual([]);
});

test("what troupe.yaml says of all turns fills in what an agent leaves out", async () => {
  const [agent] = await bringIn(ana);
  const turns = { deadlineSeconds: 5, maxSteps: 3, historyTokens: 48_000, whileBusy: "steer" as const };

  const filled = agent && withTurnDefaults({ ...agent, spec: { ...agent.spec, maxSteps: 9 } }, turns);

  expect(filled?.spec).toEqual({ ...ana, deadlineMs: 5000, maxSteps: 9, whileBusy: "steer" });
});

test("the operator's key is made once in the life of a home, and only its hash is kept", async () => {
  const deps = { stores: store.stores, clock, ids };

  const made = await makeFirstKey(deps, DEFAULT_SPACE_ID, options);
  await store.stores.unit.commit([store.stores.keys.revoke(made?.record.id ?? "", clock.now())], options);
  const again = await makeFirstKey(deps, DEFAULT_SPACE_ID, options);

  expect(made?.key).toMatch(/^trp_[\w-]{43}$/);
  expect(again).toBeUndefined();
  const [kept] = await store.stores.keys.list(DEFAULT_SPACE_ID, options);
  expect(kept).toMatchObject({ kind: "operator", hint: made?.key.slice(0, 8) });
  expect(JSON.stringify(kept)).not.toContain(made?.key);
});
