// A memory of conversations outside of a running Troupe: told of what was said, asked in other conversations, forgotten with its person.
import { type EpisodeServer, startEpisodeServer } from "@troupe/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Erasure } from "../../server/src/app/index.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const KEY = "key-of-the-episodes";
let outside: EpisodeServer;
let served: ServedHome;
beforeEach(async () => {
  outside = await startEpisodeServer({ key: KEY });
  served = await serveHome(
    `episodes: { url: "${outside.url}", apiKey: ${KEY}, waitMs: 2000, privateHosts: [127.0.0.1] }\n`,
  );
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await outside[Symbol.asyncDispose]();
});

async function call<Answer>(path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const base = path.startsWith("/admin") ? served.serving.addresses?.admin : served.address;
  const response = await fetch(`${base}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${served.key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

async function say(user: string, text: string, session: string): Promise<string> {
  const body = { model: "ana", user, messages: [{ role: "user", content: text }] };
  const answer = await call<{ choices: { message: { content: string } }[] }>("/v1/chat/completions", body, {
    "x-troupe-session": session,
  });
  return String(answer.choices[0]?.message.content);
}

const prompt = (): string => JSON.stringify(served.model.requests.at(-1)?.body);
const kept = (): readonly string[] =>
  [...outside.kept.values()].map(({ messages }) => messages[0]?.text ?? "");
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000 });

test("what a person said is written behind the reply, found in another conversation of theirs, and by nobody else", async () => {
  await say("kate", "The boat lies at the eastern pier.", "one");
  await until(() => expect(kept()).toEqual(["The boat lies at the eastern pier."]));
  await call("/admin/memory/stats");

  await say("kate", "Where does the boat lie?", "two");
  expect(prompt()).toMatch(
    /From a memory outside of this house.*diary: user: The boat lies at the eastern pier\./,
  );
  await say("max", "Where does the boat lie?", "three");
  expect(prompt()).not.toContain("eastern pier");

  const readers = outside.searches.map((one) => one.readers as string[]);
  expect(readers.map(([reader]) => reader?.split("/")[1])).toEqual(["kate", "kate", "max"]);
  // Each turn is written once, whatever stands in prompts by then.
  await until(() => expect(kept()).toHaveLength(3));
  expect([...outside.writes.values()]).toEqual([1, 1, 1]);
  expect(kept().filter((text) => text.includes("eastern pier"))).toHaveLength(1);
});

test("while it is away turns are answered without it, and what was said is written once it is back", async () => {
  outside.fail(503);
  expect(await say("kate", "The harbour opens at six.", "one")).not.toBe("");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(kept()).toEqual([]);
  const metrics = await (await fetch(`${served.serving.addresses?.metrics}/metrics`)).text();
  expect(metrics).toMatch(/troupe_episode_searches_total\{outcome="failed"\} 1/);

  outside.fail(undefined);

  await until(() => expect(kept()).toEqual(["The harbour opens at six."]));
});

test("erasing a person has it forget them, and says so where it could not be asked", async () => {
  await say("kate", "The boat lies at the eastern pier.", "one");
  await say("max", "The lamp is green.", "two");
  await until(() => expect(kept()).toHaveLength(2));
  const peer = [...outside.kept.values()]
    .flatMap(({ audience }) => audience)
    .find((id) => id.endsWith("/kate"));

  outside.fail(503);
  const first = await call<Erasure>("/admin/memory/erase", { peer });
  expect(first.episodes).toMatchObject({ isForgotten: false, why: expect.stringContaining("status 503") });
  outside.fail(undefined);
  const second = await call<Erasure>("/admin/memory/erase", { peer });

  expect(second.episodes).toEqual({ isForgotten: true });
  expect(kept()).toEqual(["The lamp is green."]);
});
