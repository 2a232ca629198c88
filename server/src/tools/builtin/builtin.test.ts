import type { MemoryRecord, NewMemory, SearchHit, SessionSummary, Tool, Write } from "@troupe/contracts";
import { toolContext, toolContract } from "@troupe/testing";
import { describe, expect, it } from "vitest";
import { createBuiltinTools } from "./index.ts";

const signal = new AbortController().signal;

/** The built-in tools over whatever the given lists hold; `put` is what was written. */
async function setUp(
  held: {
    readonly hits?: readonly Partial<SearchHit>[];
    readonly memories?: readonly Partial<MemoryRecord>[];
    readonly sessions?: readonly Partial<SessionSummary>[];
    readonly random?: readonly number[];
    readonly defaultZone?: string;
  } = {},
) {
  const put: NewMemory[] = [];
  const asked: unknown[] = [];
  const random = [...(held.random ?? [])];
  const source = createBuiltinTools({
    memories: {
      put: (memory) => ({ putAs: put.push(memory) }) as Write,
      prove: () => ({}),
      close: () => ({}),
      reopen: () => ({}),
      use: () => ({}),
      erase: () => ({}),
      restore: () => ({}),
      find: async () => [],
      replacedBy: async () => [],
      alike: async () => [],
      counts: async () => [],
      list: async (query) => {
        asked.push(query);
        return { items: (held.memories ?? []) as readonly MemoryRecord[] };
      },
    },
    search: {
      search: async (query) => {
        asked.push(query);
        return (held.hits ?? []) as readonly SearchHit[];
      },
      indexNew: async () => 0,
      renew: async () => ({ passed: 0, isMore: false }),
    },
    sessions: {
      history: async () => [{ id: "m-1", turnId: "turn-1", role: "user" }],
      list: async (query: { readonly cursor?: string }) => {
        asked.push(query);
        const all = (held.sessions ?? []) as readonly SessionSummary[];
        return query.cursor === undefined && all.length > 2
          ? { items: all.slice(0, 2), next: "2" }
          : { items: query.cursor === undefined ? all : all.slice(2) };
      },
    } as never,
    random: () => random.shift() ?? 0.5,
    ...(held.defaultZone === undefined ? {} : { defaultZone: () => held.defaultZone ?? "" }),
  });
  const tools = await source.list({ signal });
  const tool = (name: string): Tool => {
    const found = tools.find((one) => one.spec.name === name);
    if (found === undefined) throw new Error(`no tool ${name}`);
    return found;
  };
  const run = (name: string, input: unknown, context = {}) =>
    tool(name).run(input, toolContext(context), { signal });
  return { tool, run, put, asked };
}

const hit = (text: string, changes: Partial<SearchHit> = {}): Partial<SearchHit> => ({
  kind: "message",
  id: text,
  sessionId: "earlier",
  turnSeq: 1,
  role: "user",
  text,
  createdAt: Date.UTC(2026, 10, 3),
  score: 1,
  ...changes,
});

toolContract("time", {
  make: async () => (await setUp()).tool("time"),
  input: {},
  declined: { timeZone: "Nowhere" },
});
toolContract("dice", {
  make: async () => (await setUp()).tool("dice"),
  input: { notation: "2d6" },
  declined: { notation: "much" },
});
toolContract("calculator", {
  make: async () => (await setUp()).tool("calculator"),
  input: { expression: "1+1" },
  declined: { expression: "1/0" },
});
toolContract("remember", {
  make: async () => (await setUp()).tool("remember"),
  input: { text: "My cat is called Mia." },
  declined: { text: "  " },
});
toolContract("recall", {
  make: async () => (await setUp({ hits: [hit("My cat")] })).tool("recall"),
  input: { query: "cat" },
});
toolContract("list_sessions", { make: async () => (await setUp()).tool("list_sessions"), input: {} });

describe("time", () => {
  it.each([
    ["en", {}, "Friday, 20 November 2026, 12:05 (UTC)"],
    ["en", { timeZone: "Europe/Kyiv" }, "Friday, 20 November 2026, 14:05 (Europe/Kyiv, UTC+02:00)"],
    ["en", { timeZone: "new york" }, "Friday, 20 November 2026, 07:05 (America/New_York, UTC-05:00)"],
    ["uk", { timeZone: "Kyiv" }, "пʼятниця, 20 листопада 2026, 14:05 (Europe/Kyiv, UTC+02:00)"],
  ])("in %s answers %o with date, time, zone and offset", async (language, input, expected) => {
    const { run } = await setUp();

    const { text } = await run("time", input, { language });

    expect(text.replaceAll(/['’]/g, "ʼ")).toBe(expected);
  });

  it("uses the configured zone when none is asked for", async () => {
    const { run } = await setUp({ defaultZone: "Asia/Tokyo" });

    expect((await run("time", {})).text).toContain("21:05 (Asia/Tokyo, UTC+09:00)");
  });
});

describe("dice", () => {
  it.each([
    ["2d6+1", [0, 0.99], "2d6+1: 1 + 6 + 1 = 8"],
    ["3d8 - 2", [0.5, 0.5, 0.5], "3d8-2: 5 + 5 + 5 - 2 = 13"],
    ["d20", [0.999], "1d20: 20"],
    ["", [0], "1d6: 1"],
    ["2к6", [0, 0], "2d6: 1 + 1 = 2"],
  ])("rolls %s and shows how the sum came about", async (notation, random, expected) => {
    const { run } = await setUp({ random });

    expect((await run("dice", { notation })).text).toBe(expected);
  });

  it.each(["0d6", "101d6", "1d1", "1d1001", "d", "2d6+", "6"])("declines %s", async (notation) => {
    const { run } = await setUp();

    expect((await run("dice", { notation })).isError).toBe(true);
  });
});

describe("calculator", () => {
  it.each([
    ["2 + 3 * 4", "14"],
    ["2 * (3 + 4)^2", "98"],
    ["-2^2", "-4"],
    ["2^3^2", "512"],
    ["2^-1", "0.5"],
    ["0.1 + 0.2", "0.3"],
    ["10 % 4", "2"],
    ["200 * 15%", "30"],
    ["50% + 1", "1.5"],
    ["7 − 2 × 3 ÷ 6", "6"],
    ["round(2 / 3, 2)", "0.67"],
    ["max(1, sqrt(16), 3)", "4"],
    ["2 * pi", "6.2831853071796"],
    ["1.5e3 / .5", "3000"],
    ["0 * -1", "0"],
    ["2^64", "about 1.844674407371e+19"],
  ])("%s is %s", async (expression, expected) => {
    const { run } = await setUp();

    expect(await run("calculator", { expression })).toEqual({ text: `${expression} = ${expected}` });
  });

  it.each([
    ["1 / 0", "Division by zero"],
    ["5 % (2 - 2)", "Division by zero"],
    ["sqrt(0 - 1)", "real numbers"],
    ["9^9^9", "too large"],
    ["2 +", "ends too early"],
    ["(2", "ends too early"],
    ["2 3", "3"],
    ["2 & 3", "&"],
    ["constructor(1)", "constructor"],
    ["process.exit()", "“.”"],
    ["max()", ")"],
    ["sqrt(1, 2)", "2 numbers"],
    [`${"(".repeat(200)}1${")".repeat(200)}`, "brackets"],
    ["-".repeat(400), "brackets"],
    ["1+".repeat(400), "too long"],
  ])("declines %s and says why", async (expression, why) => {
    const { run } = await setUp();

    const output = await run("calculator", { expression });

    expect(output.isError).toBe(true);
    expect(output.text).toContain(why);
  });
});

describe("remember", () => {
  it("writes one memory for the readers of the conversation, the same one when the call reruns", async () => {
    const { run, put } = await setUp();
    const context = { audience: ["kate", "peer-1"], idempotencyKey: "turn-1/4", messageIds: ["m-1"] };

    const output = await run("remember", { text: "  My cat is called Mia. " }, context);
    await run("remember", { text: "My cat is called Mia." }, context);
    await run("remember", { text: "My cat is called Mia." }, { ...context, idempotencyKey: "turn-1/5" });

    expect(output.text).toBe("I will remember: My cat is called Mia.");
    expect(put[0]).toMatchObject({
      text: "My cat is called Mia.",
      audience: ["kate", "peer-1"],
      agentId: "ana",
      turnId: "turn-1",
      sources: [{ kind: "message", id: "m-1" }],
      recordedAt: Date.UTC(2026, 10, 20, 12, 5, 0),
    });
    expect(put[1]).toEqual(put[0]);
    expect(put[2]?.id).not.toBe(put[0]?.id);
  });
});

describe("recall", () => {
  it("searches by the words that matter, for everyone who reads the answer, and not in the question itself", async () => {
    const { run, asked } = await setUp();

    await run("recall", { query: "What is my cat's name?" }, { audience: ["a", "b"] });

    expect(asked).toEqual([
      expect.objectContaining({
        words: ["cat", "name"],
        readers: ["a", "b"],
        agentId: "ana",
        except: { sessionId: "session-1", fromTurnSeq: 7 },
      }),
    ]);
  });

  it("tells who said what and when, leaves out repeats and weak hits", async () => {
    const { run } = await setUp({
      hits: [
        hit("my cat is called Mia"),
        hit("my cat is called Mia", { id: "again" }),
        hit("Mia is a lovely name", { role: "assistant", score: 0.8 }),
        hit("Likes cats", { role: "memory", kind: "memory", score: 0.6 }),
        hit("a cat of somebody else", { score: 0.3 }),
      ],
    });

    const { text } = await run("recall", { query: "cat" });

    expect(text.split("\n")).toEqual([
      "2026-11-03, you: my cat is called Mia",
      "2026-11-03, assistant: Mia is a lovely name",
      "2026-11-03, note: Likes cats",
    ]);
  });

  it("says so when nothing is found, and answers in Ukrainian", async () => {
    const { run } = await setUp();

    expect((await run("recall", { query: "cat" }, { language: "uk" })).text).toBe(
      "Про це нічого не знайдено.",
    );
  });

  it("without words lists what was remembered last", async () => {
    const { run } = await setUp({ memories: [{ text: "Mia is a cat.", recordedAt: Date.UTC(2026, 10, 3) }] });

    expect((await run("recall", {})).text).toBe("2026-11-03, note: Mia is a cat.");
  });
});

describe("list_sessions", () => {
  const session = (id: string, changes: Partial<SessionSummary> = {}): Partial<SessionSummary> => ({
    id,
    peerId: "peer-1",
    audience: ["peer-1"],
    title: `About ${id}`,
    turns: 3,
    updatedAt: Date.UTC(2026, 10, 3),
    ...changes,
  });

  it("lists own sessions over several pages, marks this one, and shows nobody else's", async () => {
    const sessions = [
      session("session-1", { turns: 1 }),
      session("of another peer", { peerId: "peer-2", audience: ["peer-2"] }),
      session("later page", { title: "" }),
    ];
    const { run, asked } = await setUp({ sessions });

    const { text } = await run("list_sessions", {});

    expect(text.split("\n")).toEqual([
      "1. About session-1 (2026-11-03, 1 message), this one",
      "2. Untitled (2026-11-03, 3 messages)",
    ]);
    expect(asked[0]).toMatchObject({ ownerId: "key-1", agentId: "ana" });
  });

  it("does not show a private conversation to a group", async () => {
    const { run } = await setUp({ sessions: [session("private")] });

    const { text } = await run("list_sessions", {}, { audience: ["flatmate", "peer-1"] });

    expect(text).toBe("There are no other conversations yet.");
  });

  it("counts in Ukrainian as Ukrainian does", async () => {
    const { run } = await setUp({ sessions: [session("a", { turns: 21 }), session("b", { turns: 12 })] });

    const { text } = await run("list_sessions", {}, { language: "uk" });

    expect(text).toContain("21 повідомлення)");
    expect(text).toContain("12 повідомлень)");
  });
});
