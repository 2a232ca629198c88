import type { NewMemory, SearchHit } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  commit,
  type GetHarness,
  keepTurn,
  message,
  options,
  SPACE,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";
import { describeExcept } from "./store-search-except.ts";
import { describeMeaning } from "./store-search-meaning.ts";
import { describeMood } from "./store-search-mood.ts";
import { describeRenewal } from "./store-search-renewal.ts";

function memory(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  return {
    id,
    spaceId: SPACE,
    agentId: "ana",
    audience: ["peer-1"],
    text,
    turnId: "turn-1",
    recordedAt: 100,
    ...change,
  };
}

async function find(harness: StoreHarness, text: string, change: object = {}): Promise<readonly SearchHit[]> {
  const query = {
    spaceId: SPACE,
    agentId: "ana",
    readers: ["peer-1"],
    words: text.split(" "),
    limit: 10,
    ...change,
  };
  return harness.stores.search.search(query, options);
}

async function idsOf(harness: StoreHarness, text: string, change: object = {}): Promise<readonly string[]> {
  return (await find(harness, text, change)).map(({ id }) => id);
}

export function describeSearch(get: GetHarness): void {
  describeMemories(get);
  describeAudience(get);
  describeStrangeNames(get);
  describeMessages(get);
  describeWords(get);
  describeAnswers(get);
  describeQuestions(get);
  describeExcept(get);
  describeMeaning(get);
  describeMood(get);
  describeRenewal(get);
}

function describeMemories(get: GetHarness): void {
  it("finds a memory as soon as its commit is kept, and no more once it is forgotten", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("m-1", "likes green tea")));
    await commit(harness, memories.put(memory("m-1", "likes coffee")));

    const found = await find(harness, "tea");
    await commit(harness, memories.erase("other", "m-1"));
    const stillThere = await idsOf(harness, "tea");
    await commit(harness, memories.erase(SPACE, "m-1"));

    expect(found).toEqual([
      {
        kind: "memory",
        id: "m-1",
        sessionId: undefined,
        turnSeq: undefined,
        role: "memory",
        text: "likes green tea",
        audience: ["peer-1"],
        createdAt: 100,
        score: 1,
      },
    ]);
    expect([await idsOf(harness, "coffee"), stillThere, await idsOf(harness, "tea")]).toEqual([
      [],
      ["m-1"],
      [],
    ]);
  });

  it("lists memories newest first in pages, only those that every reader knows", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("a", "one", { audience: ["peer-1", "peer-2"] })),
      memories.put(memory("b", "two")),
      memories.put(memory("c", "three", { audience: ["peer-1", "peer-2", "peer-3"] })),
      memories.put(memory("d", "four", { agentId: "bob" })),
    );
    const list = (readers: readonly string[], more: object = {}) =>
      memories.list({ spaceId: SPACE, agentId: "ana", readers, ...more }, options);

    const first = await list(["peer-1"], { limit: 2 });
    const second = await list(["peer-1"], { limit: 2, cursor: first.next });
    const both = await list(["peer-1", "peer-2"]);

    expect([first, second, both].map(({ items }) => items.map(({ id }) => id))).toEqual([
      ["c", "b"],
      ["a"],
      ["c", "a"],
    ]);
  });
}

function describeAudience(get: GetHarness): void {
  it("finds a record only if everyone who will read the answer knows it", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("group", "the secret plan", { audience: ["peer-1", "peer-2", "peer-3"] })),
      memories.put(memory("private", "the secret gift")),
      memories.put(memory("theirs", "the secret diary", { audience: ["peer-2"] })),
    );
    const readBy = (...readers: string[]) => idsOf(harness, "secret", { readers });

    expect(await readBy("peer-1")).toEqual(["private", "group"]);
    expect(await readBy("peer-2")).toEqual(["theirs", "group"]);
    expect(await readBy("peer-1", "peer-2")).toEqual(["group"]);
    expect(await readBy("peer-1", "peer-4")).toEqual([]);
    expect(await readBy()).toEqual([]);
  });

  it("finds nothing of another agent or space, though peer and words are the same", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("bob's", "tea", { agentId: "bob" })),
      memories.put(memory("elsewhere", "tea", { spaceId: "other" })),
    );

    expect(await idsOf(harness, "tea")).toEqual([]);
    expect(await idsOf(harness, "tea", { agentId: "bob" })).toEqual(["bob's"]);
  });

  it("finds the old words of a quiet peer under the noise of all others", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(harness, memories.put(memory("quiet", "tea with jam", { audience: ["quiet"] })));
    for (let n = 0; n < 5; n++) {
      await commit(
        harness,
        ...Array.from({ length: 100 }, (_, i) =>
          memories.put(memory(`noise-${n}-${i}`, "tea and jam again")),
        ),
      );
    }

    expect(await idsOf(harness, "jam tea", { readers: ["quiet"] })).toEqual(["quiet"]);
  });
}

function describeStrangeNames(get: GetHarness): void {
  it("takes readers whose names hold what a database cannot, and nobody else feels them", async () => {
    const harness = get();
    const { sessions, memories } = harness.stores;
    const strange = ["nul \u0000", "half \ud83e"];
    const audience = [...strange, "peer-1"];
    await commit(
      harness,
      memories.put(memory("theirs", "tea for strangers", { audience })),
      memories.put(memory("mine", "tea for me")),
      sessions.touch(session({ audience })),
      sessions.append(message({ id: "m-1", audience })),
    );
    const listed = async (...readers: readonly string[]) =>
      (await memories.list({ spaceId: SPACE, agentId: "ana", readers }, options)).items.map(({ id }) => id);
    const reference = { kind: "message", id: "m-1", sessionId: "session-1", turnSeq: 1 } as const;
    const references = await sessions.find(
      { spaceId: SPACE, readers: strange, references: [reference] },
      options,
    );

    expect([await listed("peer-1"), await listed(...strange), await listed("half")]).toEqual([
      ["mine", "theirs"],
      ["theirs"],
      [],
    ]);
    expect(references.map(({ id }) => id)).toEqual(["m-1"]);
    expect(await idsOf(harness, "strangers", { readers: strange })).toEqual(["theirs"]);
    expect(await idsOf(harness, "tea")).toEqual(["mine", "theirs"]);
  });
}

function describeMessages(get: GetHarness): void {
  it("indexes new messages once: what peers said always, answers only of turns that went well", async () => {
    const harness = get();
    const { search } = harness.stores;
    await keepTurn(harness, 1, { question: "where is the lighthouse", answer: "the lighthouse is north" });
    await keepTurn(harness, 2, {
      question: "lighthouse again",
      answer: "lighthouse trouble",
      outcome: "failed",
    });
    const before = await idsOf(harness, "lighthouse");

    const counts = [
      await search.indexNew(3, options),
      await search.indexNew(100, options),
      await search.indexNew(100, options),
    ];

    expect(before).toEqual([]);
    expect(counts).toEqual([3, 1, 0]);
    expect(await idsOf(harness, "lighthouse")).toEqual(["q-2", "a-1", "q-1"]);
    const [hit] = await find(harness, "north");
    expect(hit).toMatchObject({
      kind: "message",
      id: "a-1",
      sessionId: "session-1",
      turnSeq: 1,
      role: "assistant",
      text: "the lighthouse is north",
    });
  });

  it("does not index tool calls and results, and passes notices over", async () => {
    const harness = get();
    const { sessions, search } = harness.stores;
    const parts = [
      { type: "tool-call", callId: "c", name: "mail", arguments: '{"to":"zebra"}' },
      { type: "tool-result", callId: "c", name: "mail", text: "zebra" },
      { type: "text", text: "sent" },
    ] as const;
    await commit(
      harness,
      sessions.touch(session({ count: 2 })),
      sessions.append(message({ id: "m-1", role: "assistant", outcome: "ok", parts, fromLast: 1 })),
      sessions.append(message({ id: "m-2", role: "notice", outcome: "ok", text: "zebra" })),
    );

    await search.indexNew(100, options);

    expect([await idsOf(harness, "zebra"), await idsOf(harness, "sent")]).toEqual([[], ["m-1"]]);
  });
}

function describeWords(get: GetHarness): void {
  it("reads letters of any script, keeps Ukrainian letters apart, and ignores case and form", async () => {
    const harness = get();
    const { memories } = harness.stores;
    await commit(
      harness,
      memories.put(memory("hedgehog", "Їжак любить ґанок")),
      memories.put(memory("food", "ижак не їжа, ганок")),
      memories.put(memory("five", "п'ять котів")),
      memories.put(memory("wide", "ＦＵＬＬ width café")),
      memories.put(memory("tokyo", "東京都に行く")),
      memories.put(memory("signs", 'He said "NEAR" AND (OR*) col:umn -')),
    );

    expect(await idsOf(harness, "ЇЖАК")).toEqual(["hedgehog"]);
    expect(await idsOf(harness, "ґанок")).toEqual(["hedgehog"]);
    expect(await idsOf(harness, "п’ять")).toEqual(["five"]);
    expect(await idsOf(harness, "full")).toEqual(["wide"]);
    expect(await idsOf(harness, "cafe\u0301")).toEqual(["wide"]);
    expect(await idsOf(harness, "東京")).toEqual(["tokyo"]);
    expect(await idsOf(harness, 'NEAR( "col:umn* AND')).toEqual(["signs"]);
    expect(await idsOf(harness, '" * ( )')).toEqual([]);
  });

  it("cuts a very long word between two letters, and goes on to index what comes after it", async () => {
    const harness = get();
    const { memories, search } = harness.stores;
    // Each of these letters is two units of a string; with one before them every even number of units ends inside one.
    const long = `a${"\u{1E922}".repeat(40)}`;
    await keepTurn(harness, 1, { question: long });
    await keepTurn(harness, 2, { question: "lighthouse" });
    await commit(harness, memories.put(memory("m-1", long)));

    await search.indexNew(100, options);

    expect((await idsOf(harness, long)).toSorted()).toEqual(["m-1", "q-1"]);
    expect(await idsOf(harness, "lighthouse")).toEqual(["q-2"]);
  });

  it("scores by the share of asked words, rare ones weighing more, newest first among equals", async () => {
    const harness = get();
    const { memories } = harness.stores;
    for (let n = 0; n < 8; n++) await commit(harness, memories.put(memory(`common-${n}`, "garden walk")));
    await commit(
      harness,
      memories.put(memory("rare", "unicorn walk")),
      memories.put(memory("both", "garden unicorn walk")),
    );

    const hits = await find(harness, "garden unicorn", { limit: 4 });

    expect(hits.map(({ id }) => id)).toEqual(["both", "rare", "common-7", "common-6"]);
    const [both, rare, common] = hits.map(({ score }) => score);
    expect(both).toBe(1);
    expect(rare).toBeGreaterThan(common ?? 1);
    expect(common).toBeGreaterThan(0);
  });
}

/** One message a turn, in the order of a conversation. */
async function converse(
  harness: StoreHarness,
  lines: readonly string[],
  { audience = ["peer-1"], id = "talk", from = 0 } = {},
): Promise<void> {
  const { sessions } = harness.stores;
  for (const [n, text] of lines.entries()) {
    const append = sessions.append(message({ id: `${id}-${from + n}`, text, sessionId: id, audience }));
    await commit(harness, sessions.touch(session({ id, audience })), append);
  }
  await harness.stores.search.indexNew(1000, options);
}
function ask(harness: StoreHarness, text: string, change: object = {}): Promise<readonly string[]> {
  return idsOf(harness, text, { text: `${text}?`, ...change });
}

/** What a question finds that its words alone would not. */
function describeAnswers(get: GetHarness): void {
  it("finds the answer beside the question that holds the words, and puts it first", async () => {
    const harness = get();
    await converse(harness, [
      "Nice weather",
      "What is your parrot called?",
      "Kesha, after my uncle",
      "Lovely",
    ]);

    expect((await ask(harness, "parrot called"))[0]).toBe("talk-2");
    expect(await idsOf(harness, "parrot called")).toEqual(["talk-1"]);
  });

  it("finds nothing beside a hit that the reader was not told, and nothing that the asker has before it", async () => {
    const harness = get();
    await converse(harness, ["Does the parrot bite?"], { audience: ["peer-1", "peer-2"] });
    await converse(harness, ["Only strangers", "And my sister"], { from: 1 });

    const both = { readers: ["peer-1", "peer-2"] };
    expect(await ask(harness, "parrot", both)).toEqual(["talk-0"]);
    expect((await ask(harness, "parrot")).toSorted()).toEqual(["talk-0", "talk-1", "talk-2"]);
    expect(await ask(harness, "parrot", { except: { sessionId: "talk", fromTurnSeq: 2 } })).toEqual([
      "talk-0",
    ]);
  });
}

function describeQuestions(get: GetHarness): void {
  it("finds the forms of a word, in English and Ukrainian", async () => {
    const harness = get();
    await converse(harness, ["She adopted two children", "У мене живуть три коти"]);

    expect(await idsOf(harness, "adopting child")).toEqual(["talk-0"]);
    expect(await idsOf(harness, "кота")).toEqual(["talk-1"]);
  });

  it("prefers what the named person said, and where a time is asked for, what tells one", async () => {
    const harness = get();
    await converse(harness, ["Olha: I sail", "ok", "ok", "ok", "Max: I sail"]);
    await converse(harness, ["the boat sank", "ok", "ok", "ok", "the boat sank last week"], { id: "boats" });

    expect((await ask(harness, "Does Olha sail"))[0]).toBe("talk-0");
    expect((await ask(harness, "Does Max sail"))[0]).toBe("talk-4");
    expect((await ask(harness, "When sank the boat"))[0]).toBe("boats-4");
  });

  it("takes whatever is asked as words and nothing else", async () => {
    const harness = get();
    await converse(harness, ["the kettle is on", 'say "kettle" OR tea*']);

    for (const text of [
      'kettle" OR "x',
      "kettle AND NOT tea",
      "kettle*)",
      "terms:kettle",
      "kettle\u0000",
      "NEAR(kettle, 2)",
    ])
      expect([text, (await ask(harness, text)).toSorted()]).toEqual([text, ["talk-0", "talk-1"]]);
    for (const text of ["*", '"', "-", "(", "' = '' --"])
      expect(await ask(harness, text, { words: [text] })).toEqual([]);
  });
}
