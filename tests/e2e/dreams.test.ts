// A night of an agent in a running Troupe: what nobody asked for is summed up, found the next day, and brought back by the operator.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NewMemory } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ChangedMemory, FoundMemories, MemoryStats } from "../../server/src/app/index.ts";
import { derivedId } from "../../server/src/kit/index.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const options = { signal: new AbortController().signal };
const LONG_AGO = Date.UTC(2025, 4, 10, 12);

let served: ServedHome;
beforeEach(async () => {
  served = await serveHome();
});
afterEach(() => served[Symbol.asyncDispose]());

async function call<Answer>(path: string, body?: unknown): Promise<Answer> {
  const base = path.startsWith("/admin") ? served.serving.addresses?.admin : served.address;
  const response = await fetch(`${base}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${served.key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}

async function say(user: string, text: string): Promise<string> {
  const body = { model: "ana", user, messages: [{ role: "user", content: text }] };
  const answer = await call<{ choices: { message: { content: string } }[] }>("/v1/chat/completions", body);
  return String(answer.choices[0]?.message.content);
}

const open = async () => (await call<FoundMemories>("/admin/memories")).items;
const nights = async () => (await call<MemoryStats>("/admin/memory/stats")).dreams;

test("a night reflects on an answer that changed again and again, tells it to its people alone, and undo strikes it for good", async () => {
  await say("kate", "/remember the key is under the mat");
  const [audience = []] = (await open()).map((one) => one.audience);
  const { troupe } = served.serving;
  const { unit, memories } = troupe.stores;
  const now = Date.now();
  const work = (value: string, daysAgo: number): NewMemory => ({
    ...{ id: `work ${value}`, spaceId: "default", agentId: "ana", audience, text: `I work as a ${value}.` },
    ...{ turnId: `turn ${value}`, recordedAt: now - daysAgo * 86_400_000, slot: `${audience[0]} work` },
    attributes: { by: "rules", value },
  });
  const told = [work("baker", 40), work("teacher", 20), work("nurse", 0)];
  for (const [n, record] of told.entries()) {
    const before = told[n - 1];
    const closing = { spaceId: "default", at: record.recordedAt, reason: "contradicted" } as const;
    const ended =
      before === undefined ? [] : [memories.close({ ...closing, id: before.id, successorId: record.id })];
    await unit.commit([memories.put(record), ...ended], options);
  }

  troupe.dreamLoop.wake();
  await vi.waitFor(async () => expect(await nights()).toHaveLength(1), { timeout: 60_000 });

  const made = (await open()).filter(({ kind }) => kind === "reflection");
  expect(made).toMatchObject([
    {
      audience,
      text: expect.stringMatching(/^Work changed twice since .*: baker, then teacher, then nurse\.$/),
    },
  ]);
  expect(await say("kate", "/recall changed")).toContain("Work changed twice");
  expect(await say("max", "/recall changed")).not.toContain("Work changed");
  const why = await call<{ readonly memories: readonly { readonly id: string }[] }>(
    `/admin/memories/${made[0]?.id}`,
  );
  expect(why.memories.map(({ id }) => id).toSorted()).toEqual(["work baker", "work nurse", "work teacher"]);

  await call<ChangedMemory>(`/admin/memories/${made[0]?.id}/undo`, {});
  expect((await open()).filter(({ kind }) => kind === "reflection")).toEqual([]);
});

test("what a night holds fast stands in the folder of its agent, until it is erased", async () => {
  const folder = join(served.path, "workspaces/ana");
  mkdirSync(folder, { recursive: true });
  const { troupe } = served.serving;
  const { unit, memories, dreams } = troupe.stores;
  const id = derivedId("boat");
  const spaceId = "default";
  await unit.commit(
    [
      memories.put({
        ...{ id, spaceId, agentId: "ana", audience: ["operator"], text: "The operator has a boat" },
        ...{ turnId: "turn boat", recordedAt: Date.now() },
      }),
    ],
    options,
  );
  for (const daysAgo of [1, 2, 3]) {
    const recalls = [{ memoryId: id, asked: `question ${daysAgo}`, times: 1, weight: 0.9 }];
    await unit.commit(
      [dreams.recalled({ spaceId, at: Date.now() - daysAgo * 86_400_000, recalls })],
      options,
    );
  }

  troupe.dreamLoop.wake();
  const file = join(folder, "DREAMS.md");
  await vi.waitFor(() => expect(readFileSync(file, "utf8")).toContain("The operator has a boat"), {
    timeout: 60_000,
  });
  await call<ChangedMemory>(`/admin/memories/${id}/forget`, { erase: true });

  expect(readFileSync(file, "utf8")).not.toContain("boat");
});

test("a night sums up what nobody asked for, once, tells it to its people alone, and undo brings it back", async () => {
  await say("kate", "/remember the key is under the mat");
  const [audience = [], ...others] = (await open()).map((one) => one.audience);
  expect(others).toEqual([]);
  const episode = (id: string, text: string): NewMemory => ({
    ...{ id, spaceId: "default", agentId: "ana", audience, text, turnId: `turn ${id}` },
    ...{ recordedAt: LONG_AGO, kind: "episode", attributes: { by: "model" } },
  });
  const { troupe } = served.serving;
  const { unit, memories } = troupe.stores;
  const told = ["Kate planted tulips", "Kate bought a spade", "Kate met Max in the garden"];
  await unit.commit(
    told.map((text, n) => memories.put(episode(`e${n}`, text))),
    options,
  );

  // Its first night is due ten minutes after a start.
  troupe.dreamLoop.wake();
  await vi.waitFor(async () => expect(await nights()).toHaveLength(1), { timeout: 60_000 });
  troupe.dreamLoop.wake();

  expect(await nights()).toMatchObject([{ agentId: "ana", archived: 3, summaries: 1, promoted: 0 }]);
  const after = await open();
  expect(after.map(({ text }) => text).toSorted()).toEqual([
    "2025-05: Kate planted tulips. Kate bought a spade. Kate met Max in the garden.",
    "the key is under the mat",
  ]);
  expect(await say("kate", "/recall tulips")).toContain("2025-05: Kate planted tulips");
  expect(await say("max", "/recall tulips")).not.toContain("Kate planted");

  const summary = after.find(({ kind }) => kind === "summary");
  const undone = await call<ChangedMemory>(`/admin/memories/${summary?.id}/undo`, {});

  expect(undone.reopened.toSorted()).toEqual(["e0", "e1", "e2"]);
  expect((await open()).map(({ text }) => text)).toEqual(expect.arrayContaining(told));
  expect(await say("kate", "/recall spade")).toContain("Kate bought a spade");
});
