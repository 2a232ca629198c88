// What an agent makes of several records at night: by rules in plain cases, with a model beyond them, and for whom.
import { type NewMemory, TroupeError } from "@troupe/contracts";
import { afterAll, afterEach, expect, test } from "vitest";
import { eraseMemory, undoMemory } from "../../server/src/memory/index.ts";
import { createNights, episode, options } from "./night-stage.ts";

const DAY_MS = 86_400_000;
const nights = createNights();
afterAll(() => nights.end());
afterEach(() => nights.close());

type Stage = Awaited<ReturnType<typeof nights.setUp>>;

/** Eight weeks from a Monday at noon: what `said` gives for a day of the week is said then. */
async function weeks(
  stage: Stage,
  count: number,
  said: (weekday: number, week: number) => readonly string[],
  peer = "kate",
): Promise<void> {
  for (let week = 0; week < count; week++)
    for (let day = 0; day < 7; day++) {
      for (const text of said((day + 1) % 7, week)) await stage.say(peer, text);
      await stage.clock.advance(DAY_MS);
    }
}

/** The stage begins on a Saturday. */
async function setUp(of: Parameters<typeof nights.setUp>[0] = {}): Promise<Stage> {
  const stage = await nights.setUp(of);
  // An agent that remembers nothing has no nights.
  await stage.put(episode("known", "Kate has a bicycle", { kind: "procedure" }));
  await stage.clock.advance(2 * DAY_MS);
  return stage;
}

const small = ["Good morning.", "Thank you, that helps.", "What is new today?"];

test("what somebody asks on one weekday again and again is a reflection with its messages, made once and for them alone", async () => {
  const stage = await setUp();
  await weeks(stage, 5, (weekday, week) => [
    small[week % 3] ?? "",
    ...(weekday === 5 ? ["When does the train to Lviv leave?"] : []),
  ]);

  const made = await stage.reflections();
  expect(made.map(({ text, audience }) => [text, audience])).toEqual([
    ['On Fridays asks such as "When does the train to Lviv leave?", on 4 days since 2026-01-16.', ["kate"]],
  ]);
  expect(made[0]).toMatchObject({ attributes: { by: "dream", rule: "weekday", weekday: 5 } });
  expect(made[0]?.sources).toHaveLength(4);
  const references = (made[0]?.sources ?? []).filter((one) => one.kind === "message");
  const query = { spaceId: "default", readers: ["kate"], references };
  expect(await stage.stores.sessions.find(query, options)).toHaveLength(4);
  const found = async (reader: string) => {
    const asked = { spaceId: "default", agentId: "ana", readers: [reader], words: ["fridays"], limit: 5 };
    return (await stage.stores.search.search(asked, options)).map(({ id }) => id);
  };
  expect(await found("kate")).toEqual([made[0]?.id]);
  expect(await found("max")).toEqual([]);
});

test("no habit is read where somebody is hardly heard on other days, in what jobs ask, in groups, or where it is not asked", async () => {
  const stage = await setUp();
  await weeks(stage, 6, () => ["Good morning."], "max");
  for (let week = 0; week < 6; week++) {
    await stage.say("kate", "When does the train leave?");
    await stage.say("max", "When does the bus to Odesa leave?", { trigger: "job" });
    await stage.say("max", "When does the ship to Varna leave?", { audience: ["kate", "max"] });
    await stage.say("max", "The plane to Paris leaves soon.");
    for (let day = 0; day < 7; day++) {
      await stage.clock.advance(DAY_MS);
      await stage.say("max", "Thank you.");
    }
  }

  expect(await stage.reflections()).toEqual([]);
});

test("a name that is asked about on many days is a subject, an ordinary word is none", async () => {
  const stage = await setUp();
  await weeks(stage, 4, (weekday, week) =>
    (weekday + week) % 3 === 0 ? ["And what about Daryna, how is the weather?"] : ["Good morning."],
  );

  const made = await stage.reflections();
  expect(made.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^Often asks about "Daryna": on \d+ days since 2026-01-\d\d\.$/),
  ]);
});

const told = (
  id: string,
  text: string,
  slot: string,
  value: string,
  change: Partial<NewMemory> = {},
): NewMemory => episode(id, text, { kind: "fact", slot, attributes: { by: "rules", value }, ...change });

test("an answer that changed twice is a reflection, renewed with the next change; a mistake, or what cannot change, is none", async () => {
  const stage = await setUp();
  const { stores, clock, put } = stage;
  let last: NewMemory | undefined;
  const tell = async (value: string, reason: "contradicted" | "corrected" = "contradicted") => {
    const record = told(`work ${value}`, `I work as a ${value}.`, "kate work", value, {
      recordedAt: clock.now(),
    });
    await put(record);
    if (last !== undefined)
      await stores.unit.commit(
        [
          stores.memories.close({
            spaceId: "default",
            id: last.id,
            at: clock.now(),
            reason,
            successorId: record.id,
          }),
        ],
        options,
      );
    last = record;
    await clock.advance(3 * DAY_MS);
  };
  await tell("baker");
  await tell("bakr");
  await tell("teacher", "corrected");
  expect(await stage.reflections()).toEqual([]);
  await tell("nurse");

  const [first] = await stage.reflections();
  expect(first?.text).toBe("Work changed twice since 2026-01-12: baker, then teacher, then nurse.");
  expect(first?.sources.map(({ id }) => id)).toEqual(["work baker", "work teacher", "work nurse"]);
  await tell("pilot");

  const made = await stage.reflections();
  expect(made.map(({ text }) => text)).toEqual([
    "Work changed 3 times since 2026-01-12: baker, then teacher, then nurse, then pilot.",
  ]);
  expect((await stage.get(first?.id ?? ""))?.closed).toMatchObject({ successorId: made[0]?.id });
});

test("who may know all of the answers may know that they changed, and nobody else", async () => {
  const stage = await setUp();
  const { stores, clock, put } = stage;
  const values = ["Lviv", "Kyiv", "Odesa"];
  for (const [n, value] of values.entries()) {
    const audience = n === 0 ? ["kate"] : ["kate", "max"];
    const record = { ...told(`home ${n}`, `I live in ${value}.`, "kate home", value), audience };
    await put({ ...record, recordedAt: clock.now() });
    if (n > 0)
      await stores.unit.commit(
        [
          stores.memories.close({
            ...{ spaceId: "default", id: `home ${n - 1}`, at: clock.now() },
            ...{ reason: "contradicted", successorId: `home ${n}` },
          }),
        ],
        options,
      );
    await clock.advance(2 * DAY_MS);
  }

  expect((await stage.reflections()).map(({ audience }) => audience)).toEqual([["kate"]]);
});

test("a reflection that is undone does not come back, and one whose record is erased goes with it", async () => {
  const stage = await setUp();
  const asksOnFridays = (weekday: number) => [
    "Good morning.",
    ...(weekday === 5 ? ["When does the train to Lviv leave?"] : []),
  ];
  await weeks(stage, 5, asksOnFridays);
  const [made] = await stage.reflections();
  if (made === undefined) throw new Error("There is no reflection.");
  const undone = await undoMemory(stage.stores.memories, made, stage.clock.now(), options);
  await stage.stores.unit.commit(undone.writes, options);
  await weeks(stage, 2, asksOnFridays);
  expect(await stage.reflections()).toEqual([]);

  await stage.put(episode("a", "Kate sailed"), {
    ...episode("r", "Kate is on the water a lot", { kind: "reflection" }),
    sources: [{ kind: "memory", id: "a" }],
  });
  const record = await stage.get("a");
  if (record === undefined) throw new Error("There is no record.");
  const { writes, erased, reopened } = await eraseMemory(stage.stores.memories, record, options);
  await stage.stores.unit.commit(writes, options);
  expect([erased, reopened]).toEqual([["a", "r"], []]);
});

test("an agent that learns nothing reflects on nothing", async () => {
  const stage = await setUp({ learn: "off" });
  await weeks(stage, 5, (weekday) => [
    "Good morning.",
    ...(weekday === 5 ? ["When does the train to Lviv leave?"] : []),
  ]);

  expect(await stage.reflections()).toEqual([]);
});

const reflected = (...reflections: readonly object[]): string => JSON.stringify({ reflections });
const sailing = [
  "Kate sailed to Poros",
  "Kate bought a new sail",
  "Kate read a book about tides",
  "Kate met Max at the harbour",
  "Kate was at the boat fair",
].map((text, n) => episode(`s${n + 1}`, text, { recordedAt: Date.UTC(2026, 0, 12, 13) }));

test("with a model each audience's notes are asked about by themselves, once, and what it says rests on several of them", async () => {
  const asked: string[] = [];
  const stage = await setUp({
    model: (text) => {
      asked.push(text);
      return reflected(
        { text: "Kate spends much of her time with boats.", of: [1, 2, 5], matters: 0.8 },
        { text: "Kate sailed to Poros.", of: [1, 2], matters: 0.8 },
        { text: "Kate is good at reading.", of: [3], matters: 0.8 },
        { text: "Kate's password is Xk29fjq83hfkd92kd and often asked.", of: [1, 9], matters: 0.8 },
      );
    },
  });
  await stage.put(
    ...sailing,
    episode("m1", "Max wants to sell the garden", { audience: ["max"] }),
    episode("m2", "Max looks for a buyer", { audience: ["max"] }),
  );
  await stage.clock.advance(3 * DAY_MS);

  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain("1 [2026-01-12] Kate sailed to Poros");
  expect(asked[0]).not.toContain("Max wants");
  const made = await stage.reflections();
  expect(made).toMatchObject([
    {
      ...{ text: "Kate spends much of her time with boats.", audience: ["kate"], salience: 0.8 },
      ...{ attributes: { by: "model" }, sources: [{ id: "s1" }, { id: "s2" }, { id: "s5" }] },
    },
  ]);

  await stage.put(
    ...[1, 2, 3, 4, 5].map((n) => episode(`t${n}`, `Kate did thing ${n}`, { recordedAt: stage.clock.now() })),
  );
  await stage.clock.advance(2 * DAY_MS);
  expect(asked).toHaveLength(2);
  expect(asked[1]).toContain("Known already:\n- Kate spends much of her time with boats.");
  expect(asked[1]?.split("Notes:")[1]).not.toContain("much of her time");
  expect(await stage.reflections()).toHaveLength(1);
});

test("a provider that refuses is not asked for the others either, and all of it is made up for when it answers again", async () => {
  let refuses = true;
  let calls = 0;
  const stage = await setUp({
    model: (_text, format) => {
      expect(format?.name).toBe("reflections");
      calls++;
      if (refuses) throw new TroupeError("No money left.", { code: "model.billing" });
      return reflected({ text: `They do much of one thing, ${calls}.`, of: [1, 2], matters: 0.5 });
    },
  });
  await stage.put(...sailing, ...sailing.map((one) => ({ ...one, id: `max ${one.id}`, audience: ["max"] })));
  await stage.clock.advance(DAY_MS);
  const before = calls;

  expect(await stage.dreams()).not.toEqual([]);
  expect(await stage.reflections()).toEqual([]);
  expect((await stage.open()).filter(({ kind }) => kind === "episode")).toHaveLength(10);
  // One of the two is asked at a time, and then only after a pause.
  expect(before).toBeLessThanOrEqual(Math.ceil(DAY_MS / (15 * 60_000)));
  refuses = false;
  await stage.clock.advance(3 * 60 * 60_000);

  expect((await stage.reflections()).map(({ audience }) => audience).toSorted()).toEqual([["kate"], ["max"]]);
});

test("what is struck while the model thinks is no source of what it says", async () => {
  const stage = await setUp({
    model: () => {
      void stage.stores.unit.commit([stage.stores.memories.erase("default", "s2")], options);
      return reflected({ text: "Kate spends much of her time with boats.", of: [1, 2], matters: 0.8 });
    },
  });
  await stage.put(...sailing);
  await stage.clock.advance(2 * DAY_MS);

  expect(await stage.reflections()).toEqual([]);
});

test("what a linked name alone was told is shown to no model that reflects for the other, which keeps it when the link ends", async () => {
  const asked: string[] = [];
  const stage = await setUp({
    linked: ["kate", "kate at work"],
    model: (text) => {
      asked.push(text);
      return reflected();
    },
  });
  await stage.put(
    episode("r1", "Kate often speaks of boats.", { kind: "reflection" }),
    episode("r2", "Kate often speaks of dismissals.", { kind: "reflection", audience: ["kate at work"] }),
    ...sailing,
  );
  await stage.clock.advance(2 * DAY_MS);

  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain("Known already:\n- Kate often speaks of boats.");
  expect(asked[0]).not.toContain("dismissals");
});
