// Hundreds of made people and groups tell one agent secrets; nobody is told, by any way out, what not all who read know.
import type { MemoryRecord, Message, SearchHit, Stores, ToolContext, TurnView } from "@troupe/contracts";
import { createLogRecorder, createManualClock, toolContext } from "@troupe/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { withAudienceCheck } from "../../server/src/app/audience-check.ts";
import {
  createIdGenerator,
  createMemoryKeeper,
  createMetrics,
  sharedAudience,
} from "../../server/src/kit/index.ts";
import { createMemoryModule } from "../../server/src/memory/index.ts";
import { openInlineStores } from "../../server/src/store/index.ts";
import { createBuiltinTools, createCommandTools } from "../../server/src/tools/index.ts";

// Some thousands of questions to a real store, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PEOPLE = 300;
const GROUPS = 120;
const QUESTIONS = 200;
const SECRET = /secret(\d+)x/g;
const options = { signal: new AbortController().signal };

/** The same made numbers in every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const opened = openInlineStores({
    ...{ memory: true, clock, ids: createIdGenerator(clock), logger, metrics },
    leaseClock: () => clock.now(),
  });
  const stores = withAudienceCheck(opened.stores, { metrics, logger });
  const memory = createMemoryModule({ search: stores.search, clock, logger, metrics });
  return { clock, logger, metrics, opened, stores, memory };
}

const stage = setUp();
const random = createRandom(7);
const people = Array.from({ length: PEOPLE }, (_, n) => `person-${n}`);
const some = (count: number): string[] =>
  [...new Set(Array.from({ length: count }, () => people[random(PEOPLE)] as string))].toSorted();
const groups = Array.from({ length: GROUPS }, () => some(2 + random(9)));
/** Who knows the secret of each number. */
const audiences: (readonly string[])[] = [];
const SUBJECTS = ["garden", "present", "letter", "journey", "party"];
const subject = (): string => SUBJECTS[random(SUBJECTS.length)] as string;

beforeAll(async () => {
  const told = [...people.map((person) => [person]), ...groups, ...groups];
  for (const [n, audience] of told.entries()) {
    audiences.push(audience);
    await tellMemory(n, audience);
    if (n % 3 === 0) await tellMessage(n, audience);
  }
  await makeReflections();
  while ((await stage.stores.search.indexNew(500, options)) > 0);
});
afterAll(() => stage.opened.close());

async function tellMemory(n: number, audience: readonly string[]): Promise<void> {
  const { stores } = stage;
  const keeper = createMemoryKeeper({ memories: stores.memories, isGuarded: true });
  const { writes } = await keeper.keep(
    {
      ...{
        id: `memory-${n}`,
        spaceId: "default",
        agentId: "ana",
        audience,
        turnId: `turn-${n}`,
        recordedAt: n,
      },
      text: `The ${subject()} of this circle is secret${n}x`,
    },
    options,
  );
  await stores.unit.commit(writes, options);
}

async function tellMessage(n: number, audience: readonly string[]): Promise<void> {
  const { stores } = stage;
  const at = stage.clock.now();
  const session = { id: `session-${n}`, key: `key-${n}`, spaceId: "default", agentId: "ana" };
  await stores.unit.commit(
    [
      stores.sessions.touch({
        ...{ ...session, channel: "api", peerId: audience[0] as string, ownerId: "key", audience },
        ...{ stateless: false, at, count: 1 },
      }),
      stores.sessions.append({
        ...{ id: `message-${n}`, spaceId: "default", sessionId: session.id, turnId: `turn-${n}` },
        ...{ turnSeq: "same", role: "user", audience, outcome: "ok", createdAt: at, fromLast: 0 },
        parts: [{ type: "text", text: `About the ${subject()}: it is secret${n}x` }],
      }),
    ],
    options,
  );
}

/** What is made from several records goes to those who know them all; of most pairs there is nobody. */
async function makeReflections(): Promise<void> {
  const { stores } = stage;
  for (let n = 0; n < 200; n++) {
    const pair = [random(audiences.length), random(audiences.length)] as const;
    const audience = sharedAudience(pair.map((at) => audiences[at] as readonly string[]));
    if (audience === undefined) continue;
    const text = `Taken together, the ${subject()}s are secret${pair[0]}x and secret${pair[1]}x`;
    const record = { id: `reflection-${n}`, spaceId: "default", agentId: "ana", audience, text };
    await stores.unit.commit(
      [stores.memories.put({ ...record, kind: "reflection", turnId: "turn", recordedAt: n })],
      options,
    );
  }
}

/** Readers of one answer: a person, a circle that told something, or people thrown together. */
function readersOf(n: number): readonly string[] {
  if (n % 3 === 0) return [people[random(PEOPLE)] as string];
  return n % 3 === 1 ? (groups[random(GROUPS)] as readonly string[]) : some(1 + random(4));
}

function leaksOf(text: string, readers: readonly string[]): readonly string[] {
  return [...text.matchAll(SECRET)]
    .filter(([, n]) => readers.some((reader) => !(audiences[Number(n)] ?? []).includes(reader)))
    .map(([secret]) => secret);
}

function viewOf(text: string): TurnView {
  const message: Message = {
    ...{ id: "m", spaceId: "default", sessionId: "elsewhere", turnId: "t", seq: 1, turnSeq: 1, role: "user" },
    ...{ parts: [{ type: "text", text }], audience: ["person-0"], outcome: "ok", createdAt: 0 },
  };
  const spec = { id: "ana", name: "Ana", model: "default", instructions: "Help." };
  return {
    ...{ turnId: "t", spaceId: "default", agent: { spaceId: "default", revision: 1, spec } },
    ...{ sessionId: "elsewhere", turnSeq: 1, trigger: "chat", audience: ["person-0"], peerId: "person-0" },
    ...{ inbound: [message], language: "en", shownFromTurnSeq: 1 },
  };
}

it("tells nobody what not everybody who reads knows, by any way out", async () => {
  const { stores, logger, memory, metrics } = stage;
  const builtin = await createBuiltinTools({ ...stores, random: () => 0.5 }).list(options);
  const tools = [...builtin, ...createCommandTools(stores)];
  const run = async (name: string, input: unknown, context: ToolContext): Promise<string> =>
    (await tools.find(({ spec }) => spec.name === name)?.run(input, context, options))?.text ?? "";
  let told = 0;
  const leaks: string[] = [];

  for (let n = 0; n < QUESTIONS; n++) {
    const readers = readersOf(n);
    const about = `${subject()} secret${random(audiences.length)}x`;
    const context = toolContext({ audience: readers, agentId: "ana", sessionId: "elsewhere", turnSeq: 1 });
    const words = about.split(" ");
    const query = { spaceId: "default", agentId: "ana", readers };
    const hits: readonly SearchHit[] = await stores.search.search({ ...query, words, limit: 50 }, options);
    const listed: readonly MemoryRecord[] = (await stores.memories.list({ ...query, state: "all" }, options))
      .items;
    const view = { ...viewOf(about), audience: readers, peerId: readers[0] as string };
    const texts = [
      ...[...hits, ...listed].map(({ text }) => text),
      (await memory.gather(view, options)).text,
      await run("recall", { query: about }, context),
      await run("recall", {}, context),
      await run("list_memories", { about }, context),
      await run("why", { about }, context),
      await run("forget", { what: about }, context),
    ];
    for (const text of texts) {
      const answer = text.replaceAll(about, "");
      told += [...answer.matchAll(SECRET)].length;
      leaks.push(...leaksOf(answer, readers));
    }
  }

  expect(leaks).toEqual([]);
  expect(told).toBeGreaterThan(QUESTIONS);
  expect(logger.troubles()).toEqual([]);
  expect(metrics.render()).not.toMatch(/^audience_stopped_total [1-9]/m);
});

it("stops, counts and tells of a record that a store gives to somebody who does not know it", async () => {
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const own = { id: "own", audience: ["kate", "max"] } as unknown as SearchHit & MemoryRecord;
  const theirs = { id: "theirs", audience: ["max"] } as unknown as SearchHit & MemoryRecord;
  const leaky = {
    search: { search: async () => [theirs, own] },
    memories: { find: async () => [own, theirs], list: async () => ({ items: [theirs], next: "9" }) },
    sessions: { find: async () => [theirs] },
  } as unknown as Stores;
  const { search, memories, sessions } = withAudienceCheck(leaky, { metrics, logger });
  const query = { spaceId: "default", agentId: "ana", readers: ["kate"] };

  expect(await search.search({ ...query, words: [], limit: 9 }, options)).toEqual([own]);
  expect(await memories.find({ ...query, ids: [] }, options)).toEqual([own]);
  expect(await memories.list(query, options)).toEqual({ items: [], next: "9" });
  expect(await sessions.find({ ...query, references: [] }, options)).toEqual([]);
  expect(await memories.find({ ...query, readers: undefined, ids: [] }, options)).toEqual([own, theirs]);
  expect(metrics.render()).toMatch(/^audience_stopped_total 4$/m);
  expect(logger.troubles()).toEqual(Array(4).fill("audience.stopped"));
});
