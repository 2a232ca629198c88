// Nights of an agent: from the loop that asks for them over effects to what recall finds the next day.
import { afterAll, afterEach, expect, test } from "vitest";
import { eraseMemory, undoMemory } from "../../server/src/memory/index.ts";
import { createNights, episode, options } from "./night-stage.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const nights = createNights();
const { setUp } = nights;
afterAll(() => nights.end());
afterEach(() => nights.close());

test("each night is dreamt once, however many processes ask for it, and one that was missed the next morning", async () => {
  const { clock, put, dreams, loopOf } = await setUp();
  await put(episode("a", "Kate went to Lviv"));
  const second = loopOf();
  second.start(options.signal);

  await clock.advance(3 * DAY_MS);
  await second.stop(1_000);

  const nights = (await dreams()).map(({ agentId, night }) => `${agentId} ${night}`);
  // At noon of the tenth the night before was due already.
  expect(nights).toEqual(["ana 2026-01-13", "ana 2026-01-12", "ana 2026-01-11", "ana 2026-01-10"]);
});

test("what helped on several days for several questions is held fast, and does not fade like the rest", async () => {
  const { clock, pass, put, show, get, dreams } = await setUp();
  await put(episode("useful", "Kate moved to Lviv"), episode("once", "Kate was in a hurry"));
  for (const asked of ["where", "home", "city"]) {
    await show("useful", asked);
    await show("once", "where");
    await clock.advance(DAY_MS);
  }

  expect((await get("useful"))?.promotedAt).toEqual(expect.any(Number));
  expect(await get("useful")).toMatchObject({ salience: 0.9 });
  expect((await get("once"))?.promotedAt).toBeUndefined();
  expect((await dreams()).reduce((sum, { promoted }) => sum + promoted, 0)).toBe(1);

  await pass(100);
  expect((await get("useful"))?.closed).toBeUndefined();
  expect((await get("once"))?.closed).toMatchObject({ reason: "archived" });
});

test("what nobody asks for is summed up by month and audience and taken out, and can be brought back", async () => {
  const { clock, pass, stores, put, get, open } = await setUp();
  const FEBRUARY = Date.UTC(2026, 1, 3);
  await put(
    episode("a", "Kate planted tulips", { salience: 0.6 }),
    episode("b", "Kate bought a spade"),
    episode("c", "Kate met Max in the garden", { validFrom: Date.UTC(2026, 0, 12) }),
    episode("secret", "Max wants to sell the garden", { audience: ["max"] }),
    episode("later", "Kate cut the roses", { validFrom: FEBRUARY }),
    episode("kept", "the key is under the mat", { kind: "fact", attributes: {} }),
  );
  await pass(40);

  const summaries = (await open()).filter(({ kind }) => kind === "summary");
  expect(summaries.map(({ text, audience }) => [text, audience])).toEqual([
    ["2026-01: Kate planted tulips. Kate bought a spade. Kate met Max in the garden.", ["kate"]],
  ]);
  expect((await open()).map(({ id }) => id)).toContain("kept");
  const [summary] = summaries;
  expect((await get("b"))?.closed).toMatchObject({ reason: "archived", successorId: summary?.id });
  // One alone is worth no summary, and what few were told is in nobody else's.
  expect((await get("secret"))?.closed).toMatchObject({ reason: "archived" });
  expect((await get("secret"))?.closed?.successorId).toBeUndefined();
  const found = async (reader: string) => {
    const query = { spaceId: "default", agentId: "ana", readers: [reader], words: ["garden"], limit: 10 };
    return (await stores.search.search(query, options)).map(({ id }) => id);
  };
  expect(await found("kate")).toEqual([summary?.id]);
  expect(await found("max")).toEqual([]);

  if (summary === undefined) throw new Error("No summary was made.");
  const undone = await undoMemory(stores.memories, summary, clock.now(), options);
  await stores.unit.commit(undone.writes, options);
  expect((await get("b"))?.closed).toBeUndefined();
  expect(await found("kate")).toEqual(["c"]);
});

test("what is erased leaves no words in the summary of a night, undone or not, and the others it stood for are open again", async () => {
  const { clock, pass, stores, put, get, open } = await setUp();
  await put(
    episode("a", "Kate planted tulips"),
    episode("b", "Kate bought a spade"),
    episode("c", "Kate met Max in the garden"),
  );
  await pass(40);
  const [summary] = await open();
  const erase = async (id: string) => {
    const memory = await get(id);
    if (memory === undefined) throw new Error(`There is no ${id}.`);
    const { writes, ...ids } = await eraseMemory(stores.memories, memory, options);
    await stores.unit.commit(writes, options);
    return ids;
  };
  const all = async () => {
    const query = { spaceId: "default", agentId: "ana", readers: undefined, state: "all" } as const;
    return (await stores.memories.list(query, options)).items.map(({ text }) => text).toSorted();
  };

  expect(summary).toMatchObject({ kind: "summary", text: expect.stringContaining("spade") });
  const { erased, reopened } = await erase("b");
  expect([erased, reopened.toSorted()]).toEqual([
    ["b", summary?.id],
    ["a", "c"],
  ]);
  expect((await open()).map(({ id }) => id).toSorted()).toEqual(["a", "c"]);
  expect(await all()).toEqual(["Kate met Max in the garden", "Kate planted tulips"]);

  await put(episode("d", "Kate sowed"));
  await pass(40);
  const [later] = await open();
  if (later === undefined) throw new Error("No summary was made.");
  const { writes } = await undoMemory(stores.memories, later, clock.now(), options);
  await stores.unit.commit(writes, options);

  expect(await erase("a")).toEqual({ erased: ["a", later.id], reopened: [] });
  expect(await all()).toEqual(["Kate met Max in the garden", "Kate sowed"]);
});

test("nights of more than a year ago are forgotten", async () => {
  const { stores, dreams } = await setUp();
  const night = (at: string, agentId = "ana") =>
    stores.dreams.keep({
      ...{ spaceId: "default", agentId, night: at, promoted: 0, archived: 0, summaries: 0, at: 1 },
    });
  await stores.unit.commit([night("2024-01-10"), night("2024-01-10", "bob"), night("2025-01-01")], options);

  await stores.unit.commit([night("2026-01-10")], options);

  expect((await dreams()).map((one) => [one.agentId, one.night])).toEqual([
    ["ana", "2026-01-10"],
    ["ana", "2025-01-01"],
    ["bob", "2024-01-10"],
  ]);
});

test("with a model the summary is in its words, and where it fails in the records' own", async () => {
  let answer = (): string => "In January Kate worked in her garden.";
  const { clock, pass, logger, put, open } = await setUp({ model: () => answer() });
  await put(episode("a", "Kate planted tulips"), episode("b", "Kate dug"), episode("c", "Kate sowed"));
  await pass(40);
  expect((await open()).map(({ text }) => text)).toEqual(["In January Kate worked in her garden."]);

  answer = () => {
    throw new Error("no money left");
  };
  const later = { recordedAt: clock.now() };
  await put(episode("d", "Max swam", later), episode("e", "Max ran", later), episode("f", "Max sang", later));
  await pass(40);
  expect((await open()).map(({ text }) => text)).toContain("2026-10: Max swam. Max ran. Max sang.");
  expect(logger.lines.some(({ event }) => event === "memory.dream_unworded")).toBe(true);
});

test("of a month that brought very much the model is asked for a part, and all of it is archived", async () => {
  const sizes: number[] = [];
  const { pass, put, get, open } = await setUp({
    model: (asked, format) => {
      if (format !== undefined) return "";
      sizes.push(asked.length);
      return "In January much happened.";
    },
  });
  const long = (n: number) => `On day ${n} ${"word ".repeat(2_000)}`;
  await put(...Array.from({ length: 6 }, (_, n) => episode(`e${n}`, long(n))));

  await pass(40);

  expect(sizes).toEqual([24_000]);
  expect((await open()).map(({ text }) => text)).toEqual(["In January much happened."]);
  expect((await get("e5"))?.closed).toMatchObject({ reason: "archived" });
});

test("nights at the turns of clocks are neither left out nor dreamt twice", async () => {
  const { clock, put, dreams } = await setUp();
  await put(episode("a", "Kate went to Lviv", { kind: "procedure" }));
  await clock.advance(Date.UTC(2026, 2, 27) - clock.now());
  for (let hour = 0; hour < 5 * 24; hour++) await clock.advance(HOUR_MS);

  const nights = (await dreams()).map(({ night }) => night);
  expect(nights.slice(0, 5)).toEqual(["2026-03-31", "2026-03-30", "2026-03-29", "2026-03-28", "2026-03-27"]);
  expect(new Set(nights).size).toBe(nights.length);
});
