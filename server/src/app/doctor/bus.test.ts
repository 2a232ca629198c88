import { NO_NATS, startNatsServer } from "@troupe/testing";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Config } from "../config/index.ts";
import { checkBus } from "./bus.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const server = await startNatsServer();
if (server === undefined) console.info(`Left out: ${NO_NATS}`);
afterAll(() => server?.[Symbol.asyncDispose]());

const config = (url: string, store = "postgres://h/troupe"): Config =>
  ({ bus: { url, prefix: "" }, store: { url: store } }) as Config;

test("a bus inside the process is nothing to look at", async () => {
  expect(await checkBus(config("local:"))).toEqual([]);
});

test("a server that does not answer is a warning that names it without its password", async () => {
  const [finding] = await checkBus(config("nats://ann:geheim@127.0.0.1:1"));

  expect(finding).toMatchObject({ name: "Bus", verdict: "warning" });
  expect(finding?.what).toContain("127.0.0.1:1");
  expect(JSON.stringify(finding)).not.toContain("geheim");
  expect(finding?.remedy).toContain("bus.url");
});

describe.skipIf(server === undefined)("with a server", () => {
  test("its version and distance are told", async () => {
    const findings = await checkBus(config(server?.url ?? ""));

    expect(findings).toMatchObject([{ name: "Bus", verdict: "good" }]);
    expect(findings[0]?.what).toMatch(/^NATS \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+, \d+\.\d ms away$/);
  });

  test("several processes on one file are warned of", async () => {
    const [finding] = await checkBus(config(server?.url ?? "", "sqlite:data/troupe.db"));

    expect(finding).toMatchObject({ verdict: "warning", remedy: expect.stringContaining("PostgreSQL") });
  });
});
