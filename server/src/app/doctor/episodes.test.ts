import { startEpisodeServer } from "@troupe/testing";
import { expect, test } from "vitest";
import type { Config } from "../config/index.ts";
import { checkEpisodes } from "./episodes.ts";

const about = { apiKey: "k", waitMs: 400, limit: 5, keepsAudiences: false, privateHosts: ["127.0.0.1"] };
const check = (episodes: Partial<Config["episodes"]> | undefined, unreadable: readonly string[] = []) =>
  checkEpisodes({
    episodes: episodes && { url: "http://127.0.0.1:9/v1", ...about, ...episodes },
    unreadable: new Map(unreadable.map((path) => [path, "The master key is wrong."])),
  } as unknown as Config);

test("says whether the memory answers, whom it is asked for, and what to do where it does not", async () => {
  await using server = await startEpisodeServer({ key: "k" });

  expect(await check(undefined)).toEqual([]);
  expect(await check({}, ["episodes.apiKey"])).toEqual([]);
  expect(await check({ url: server.url })).toMatchObject([
    { verdict: "good", what: expect.stringMatching(/^memory of tests at http.* one person alone reads$/) },
  ]);
  expect(await check({ url: server.url, apiKey: "wrong" })).toMatchObject([
    { verdict: "warning", what: expect.stringContaining("refuses the key") },
  ]);
  expect(await check({ url: server.url, keepsAudiences: true })).toMatchObject([
    { verdict: "bad", what: expect.stringContaining("keeps no audiences") },
  ]);
  expect(await check({ url: server.url, privateHosts: [] })).toMatchObject([
    { verdict: "warning", what: expect.stringContaining("episodes.privateHosts") },
  ]);
  expect(await check({})).toMatchObject([{ verdict: "warning", remedy: expect.stringContaining("Start") }]);
});
