import type {
  AppliedBudget,
  Effect,
  Message,
  ModelChoice,
  ModelEvent,
  ModelPrice,
  ModelRequest,
  Storyline,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createSummaryHandler } from "./summary-handler.ts";

const signal = new AbortController().signal;
const PRICE: ModelPrice = { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 0.1, outputUsdPerMillion: 5 };
const GOOD: readonly ModelEvent[] = [
  { type: "text-delta", text: " Kate moves " },
  { type: "text-delta", text: "to Lviv. " },
  {
    type: "end",
    reason: "stop",
    usage: { inputTokens: 100, cachedInputTokens: 0, outputTokens: 10 },
    estimated: false,
  },
];

function said(
  turnSeq: number,
  role: Message["role"],
  text: string,
  outcome: Message["outcome"] = "ok",
): Message {
  return {
    id: `${turnSeq}-${role}`,
    spaceId: "default",
    sessionId: "s",
    turnId: `t-${turnSeq}`,
    seq: turnSeq,
    turnSeq,
    role,
    parts: [{ type: "text", text }],
    audience: ["kate"],
    outcome,
    createdAt: 0,
  };
}

const HISTORY = [
  said(1, "user", "old question"),
  said(1, "assistant", "old answer"),
  said(3, "user", "I move\nto Lviv"),
  said(3, "assistant", "When?"),
  said(5, "user", "lost to an error", "failed"),
  said(7, "user", "in May"),
  said(7, "assistant", "Good."),
];

const SESSION = { id: "s", spaceId: "default", agentId: "ana", peerId: "kate", ownerId: "key" };
const DAILY: AppliedBudget = {
  ...{ name: "daily", spaceId: "default", scope: "space", subject: "", period: "2026-11-20" },
  ...{ limitMicroUsd: 5_000, atLimit: "refuse", resetsAt: Date.UTC(2026, 10, 21) },
};

interface Setting {
  readonly storyline?: Partial<Storyline>;
  readonly price?: ModelPrice | undefined;
  readonly small?: boolean;
  readonly answers?: readonly ModelEvent[];
  readonly refuseReserve?: boolean;
  readonly history?: readonly Message[];
  /** Who reads the conversation now. */
  readonly readers?: readonly string[];
  /** The first turn of which something is to be learned still. */
  readonly unlearned?: number;
}

function setUp({
  storyline,
  price,
  small = false,
  answers = GOOD,
  refuseReserve = false,
  history = HISTORY,
  readers = ["kate"],
  unlearned,
}: Setting = {}) {
  const clock = createManualClock(Date.UTC(2026, 10, 20, 23, 0, 0));
  const requests: ModelRequest[] = [];
  const commits: string[][] = [];
  const rides: string[][] = [];
  const details: Record<string, unknown>[] = [];
  const asked: string[] = [];
  const writeOf = (name: string) => (input: unknown) => {
    details.push({ name, ...(input as object) });
    return { name } as Write;
  };
  const names = (writes: readonly Write<unknown>[]): string[] =>
    writes.map((write) => (write as { name: string }).name);
  const line: Storyline = {
    ...{
      id: "line",
      spaceId: "default",
      agentId: "ana",
      sessionId: "s",
      audience: ["kate"],
      title: "Old title",
    },
    ...{ summary: "Kate plans something.", summaryTurnSeq: 1, updatedAt: 0, ...storyline },
  };
  const choice: ModelChoice = {
    model: { provider: "p", modelId: "m", contextWindow: 8_000, stream: () => (async function* () {})() },
    name: "p/m",
    price,
  };
  const handler = createSummaryHandler({
    unit: {
      async commit(writes) {
        commits.push(names(writes));
        if (refuseReserve) throw new TroupeError("Spent.", { code: "budget.exceeded" });
        return { read: () => undefined as never };
      },
      ride: (writes) => void rides.push(names(writes)),
      flush: async () => {},
    },
    sessions: {
      get: async () => ({ ...SESSION, audience: readers }) as never,
      messages: async ({ cursor }) => ({ items: history.filter(({ seq }) => seq > Number(cursor)) }),
    },
    storylines: {
      ofSession: async () => line,
      get: async () => line,
      placedIn: async () => [],
      compactions: async () => [],
      compact: writeOf("compact"),
      summarise: writeOf("summarise"),
    },
    effects: { firstOpenTurn: async () => unlearned },
    ledger: {
      reserve: writeOf("reserve"),
      release: (holder) => writeOf("release")({ holder }),
      record: writeOf("record"),
    },
    budgets: {
      of: ({ spaceId }) => (price === undefined ? [] : [{ ...DAILY, spaceId }]),
      atLimit: async () => ({ kind: "retry" }),
    },
    router: {
      choices(name) {
        asked.push(name);
        if (name === "small" && !small) throw new TroupeError("No model.", { code: "model.unknown" });
        return [choice];
      },
      async *stream(_choices, request, { onModel }) {
        requests.push(request);
        onModel(choice);
        yield* answers;
      },
    },
    agents: {
      get: () => ({
        spaceId: "default",
        revision: 1,
        spec: { id: "ana", name: "Ana", model: "default", instructions: "Help." },
      }),
      list: () => [],
    },
    clock,
    ids: { next: () => "call-1" },
    logger: createLogRecorder(),
  });
  const run = async (payload: Record<string, unknown> = {}) =>
    names(await handler.handle(effectOf(payload), { signal }));
  const detail = (name: string) => details.find((one) => one.name === name);
  return { run, requests, commits, rides, detail, asked, handler };
}

function effectOf(payload: Record<string, unknown>): Effect {
  return {
    id: "e",
    spaceId: "default",
    kind: "storyline.summary",
    v: 1,
    lane: "background",
    turnId: "t-7",
    sessionId: "s",
    payload: { sessionId: "s", storylineId: "line", uptoTurnSeq: 7, title: "Moving", ...payload },
    attempt: 1,
    epoch: 1,
    createdAt: 0,
  };
}

it("asks for a summary of what was said since the last one, and returns it as a write", async () => {
  const { run, requests, detail } = setUp();

  expect(await run()).toEqual(["summarise"]);
  expect(requests[0]?.messages[0]).toMatchObject({ role: "system" });
  expect(requests[0]?.messages[0]?.text).toMatch(/^Summarise the conversation so far/);
  expect(requests[0]?.messages[1]?.text.split("\n")).toEqual([
    "Previous summary: Kate plans something.",
    "",
    "user: I move to Lviv",
    "assistant: When?",
    "user: in May",
    "assistant: Good.",
  ]);
  expect(detail("summarise")).toMatchObject({
    id: "line",
    title: "Old title",
    summary: "Kate moves to Lviv.",
    summaryTurnSeq: 7,
  });
});

it("shortens what prompts show in the same commit, and asks nobody where a summary reaches as far", async () => {
  const { run, detail } = setUp();
  expect(await run({ compactTo: 3 })).toEqual(["summarise", "compact"]);
  expect(detail("compact")).toMatchObject({
    ...{ sessionId: "s", storylineId: "line", uptoTurnSeq: 3 },
    ...{ summary: "Kate moves to Lviv.", audience: ["kate"] },
  });
  const newer = setUp({ storyline: { summaryTurnSeq: 7 } });

  expect(await newer.run({ compactTo: 5 })).toEqual(["compact"]);
  expect(newer.requests).toEqual([]);
});

it("shortens nothing of turns that something is to be learned from still", async () => {
  const some = setUp({ unlearned: 4 });
  const all = setUp({ unlearned: 1 });

  await some.run({ compactTo: 5 });

  expect(some.detail("compact")).toMatchObject({ uptoTurnSeq: 3 });
  expect(await all.run({ compactTo: 5 })).toEqual(["summarise"]);
});

it("shows prompts nothing that one of their readers does not know", async () => {
  const { run } = setUp({ readers: ["kate", "newcomer"], storyline: { summaryTurnSeq: 7 } });

  expect(await run({ compactTo: 5 })).toEqual([]);
});

it.each([
  ["as new", 7],
  ["newer", 9],
])("does nothing and asks no model when the summary is %s already", async (_what, summaryTurnSeq) => {
  const { run, requests, commits } = setUp({ storyline: { summaryTurnSeq } });

  expect(await run()).toEqual([]);
  expect([requests.length, commits.length]).toEqual([0, 0]);
});

it("does nothing when nothing was said that ended well", async () => {
  const { run, requests } = setUp({ history: [said(7, "user", "lost", "failed")] });

  expect([await run(), requests.length]).toEqual([[], 0]);
});

it("prefers a model named small, else the agent's own", async () => {
  const own = setUp();
  const small = setUp({ small: true });
  await own.run();
  await small.run();

  expect(own.asked).toEqual(["small", "default"]);
  expect(small.asked).toEqual(["small"]);
});

it("reserves the cost before the call, and settles what it was after it", async () => {
  const { run, commits, rides, detail } = setUp({ price: PRICE });

  await run();

  const reserved = detail("reserve")?.microUsd as number;
  expect(commits).toEqual([["reserve"], ["record", "release"]]);
  expect(rides).toEqual([]);
  expect(detail("reserve")).toMatchObject({ holder: "e", accounts: [{ limitMicroUsd: 5_000 }] });
  // 400 tokens of output alone cost 2,000; the input comes on top.
  expect(reserved).toBeGreaterThan(2_000);
  expect(detail("release")).toMatchObject({ holder: "e" });
  expect(detail("record")).toMatchObject({
    purpose: "summary",
    outcome: "ok",
    model: "p/m",
    costMicroUsd: 150,
    inputTokens: 100,
    outputTokens: 10,
    turnId: "t-7",
    peerId: "kate",
    ownerId: "key",
    storylineId: "line",
    day: "2026-11-20",
  });
});

it("makes no commit for a model without a price, and still records the call", async () => {
  const { run, commits, rides } = setUp();

  await run();

  expect([commits, rides]).toEqual([[], [["record"]]]);
});

it("asks nobody when the budget is spent, and waits for its next period", async () => {
  const { run, requests } = setUp({ price: PRICE, refuseReserve: true });

  const failure: unknown = await run().catch((error: unknown) => error);

  expect(failure).toMatchObject({ code: "budget.exceeded", retryable: true, retryAfterMs: 60 * 60 * 1_000 });
  expect(requests).toEqual([]);
});

it("throws the model's error, so that the effect is tried again, after settling what it cost", async () => {
  const error = new TroupeError("Too many requests.", {
    code: "model.rate_limited",
    retryable: true,
    retryAfterMs: 700,
  });
  const usage = { inputTokens: 100, cachedInputTokens: 0, outputTokens: 0 };
  const { run, commits, detail } = setUp({
    price: PRICE,
    answers: [{ type: "end", reason: "error", usage, estimated: true, error }],
  });

  await expect(run()).rejects.toBe(error);
  expect(commits).toEqual([["reserve"], ["record", "release"]]);
  expect(detail("record")).toMatchObject({
    outcome: "error",
    errorCode: "model.rate_limited",
    costMicroUsd: 100,
  });
});

it("takes an empty answer for a failure", async () => {
  const { run } = setUp({ answers: GOOD.slice(2) });

  await expect(run()).rejects.toMatchObject({ code: "model.bad_response", retryable: true });
});

it("refuses a payload that it cannot read, for good", async () => {
  const { run } = setUp();

  await expect(run({ uptoTurnSeq: "seven" })).rejects.toMatchObject({
    code: "request.invalid",
    retryable: false,
  });
});

const GROUP = HISTORY.map((message) => ({
  ...message,
  audience: message.turnSeq < 7 ? ["kate", "max"] : ["kate", "max", "zoe"],
}));

it("begins anew with what all know where somebody reads who does not know what it told", async () => {
  const { run, requests, detail } = setUp({
    storyline: { audience: ["kate", "max"] },
    history: GROUP,
    readers: ["kate", "max", "zoe"],
  });

  await run();

  const asked = JSON.stringify(requests[0]?.messages);
  expect(asked).toContain("in May");
  expect(asked).not.toMatch(/Lviv|plans something/);
  expect(detail("summarise")).toMatchObject({
    ...{ audience: ["kate", "max", "zoe"], title: "in May", summaryTurnSeq: 7 },
  });
});

it("goes on where somebody left, and is known to those alone who know all of it", async () => {
  const { run, requests, detail } = setUp({
    storyline: { audience: ["kate", "max", "zoe"] },
    history: GROUP,
    readers: ["kate", "max"],
  });

  await run();

  expect(JSON.stringify(requests[0]?.messages)).toContain("plans something");
  expect(detail("summarise")).toMatchObject({
    ...{ audience: ["kate", "max"], title: "Old title" },
  });
});

it("asks no model where nobody knows anything together", async () => {
  const { run, requests } = setUp({
    storyline: { audience: ["kate"] },
    history: GROUP,
    readers: ["kate", "max", "zoe", "ben"],
  });

  expect(await run()).toEqual([]);
  expect(requests).toEqual([]);
});
