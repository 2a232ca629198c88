import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";
import { routerMaker } from "./make-router.ts";

const clock = createManualClock(Date.UTC(2026, 10, 20, 12));
const foundation = {
  ...{ clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() },
  ...{ random: () => 0.5, processId: "p", stores: {} },
} as unknown as Foundation;

const CLOUD = { kind: "openai-compatible", baseUrl: "https://api.deepseek.com/v1", apiKey: "sk-secret-1" };
const config = (over: object): Config =>
  ({
    providers: { cloud: CLOUD },
    models: {},
    prices: {},
    unreadable: new Map(),
    ...over,
  }) as unknown as Config;

test("a model costs what the configuration says, else what is published, else nobody knows what", async () => {
  const rate = { inputUsdPerMillion: 7, outputUsdPerMillion: 9 };
  const tier = { aboveInputTokens: 1_000, inputUsdPerMillion: 14, outputUsdPerMillion: 18 };
  const router = await routerMaker(foundation)(
    config({ prices: { "cloud/deepseek-chat": { ...rate, tiers: [tier] } } }),
  );
  const priceOf = (name: string) => router.choices(name)[0]?.price;

  expect(priceOf("cloud/deepseek-chat")).toEqual({
    ...{ ...rate, cachedInputUsdPerMillion: 7 },
    tiers: [{ ...tier, cachedInputUsdPerMillion: 14 }],
  });
  expect(priceOf("cloud/deepseek-reasoner")?.inputUsdPerMillion).toBeGreaterThan(0);
  expect(priceOf("cloud/no-such-model")).toBeUndefined();
  expect(priceOf("offline/guide")).toEqual({
    ...{ inputUsdPerMillion: 0, cachedInputUsdPerMillion: 0, outputUsdPerMillion: 0 },
  });
});

test("keys are told apart by a fingerprint, which is not the key", async () => {
  const make = routerMaker(foundation);
  const keyIdOf = async (apiKey: string) =>
    (await make(config({ providers: { cloud: { ...CLOUD, apiKey } } }))).choices("cloud/x")[0]?.keyId;

  const [one, same, other] = [await keyIdOf("sk-1"), await keyIdOf("sk-1"), await keyIdOf("sk-2")];

  expect(one).toMatch(/^[0-9a-f]{12}$/);
  expect([one === same, one === other]).toEqual([true, false]);
});

test("the catalogue is loaded once, and only where a model may send a bill", async () => {
  let opened = 0;
  const make = routerMaker(foundation, async () => {
    opened += 1;
    return { find: () => undefined, windowOf: () => undefined };
  });
  const local = { kind: "openai-compatible", baseUrl: "http://127.0.0.1:11434/v1" };

  await make(config({ providers: { local } }));
  expect(opened).toBe(0);
  await make(config({ providers: { local, cloud: CLOUD } }));
  await make(config({}));
  expect(opened).toBe(1);
});

test("a catalogue that could not be loaded is asked for again", async () => {
  let opened = 0;
  const make = routerMaker(foundation, async () => {
    opened += 1;
    if (opened === 1) throw new Error("No memory.");
    return { find: () => undefined, windowOf: () => undefined };
  });

  await expect(make(config({}))).rejects.toThrow("No memory.");
  await expect(make(config({}))).resolves.toBeDefined();
});
