import type { Message, SearchHit, SearchQuery, TurnView } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics, estimateTokens } from "../kit/index.ts";
import { createMemoryModule } from "./memory-module.ts";

const signal = new AbortController().signal;

function messageOf(text: string): Message {
  return {
    id: "m",
    spaceId: "default",
    sessionId: "now",
    turnId: "t",
    seq: 40,
    turnSeq: 40,
    role: "user",
    parts: [{ type: "text", text }],
    audience: ["kate", "max"],
    outcome: "ok",
    createdAt: 0,
  };
}

function viewOf(texts: readonly string[]): TurnView {
  return {
    turnId: "t",
    spaceId: "default",
    agent: {
      spaceId: "default",
      revision: 1,
      spec: { id: "ana", name: "Ana", model: "default", instructions: "Help." },
    },
    sessionId: "now",
    turnSeq: 40,
    trigger: "chat",
    audience: ["kate", "max"],
    peerId: "kate",
    inbound: texts.map(messageOf),
    language: "en",
    shownFromTurnSeq: 30,
  };
}

const hitOf = (text: string, changes: Partial<SearchHit> = {}): SearchHit => ({
  kind: "message",
  id: text,
  sessionId: "earlier",
  turnSeq: 3,
  role: "user",
  text,
  audience: ["kate", "max"],
  createdAt: Date.UTC(2026, 10, 3, 9),
  score: 0.9,
  ...changes,
});

async function gather(hits: readonly SearchHit[], view: TurnView = viewOf(["my cat"])) {
  const asked: SearchQuery[] = [];
  const module = createMemoryModule({
    search: {
      search: async (query) => {
        asked.push(query);
        return hits;
      },
    },
    clock: createManualClock(),
    logger: createLogRecorder(),
    metrics: createMetrics(),
  });
  const contribution = await module.gather(view, { signal });
  return { asked, contribution, lines: contribution.text.split("\n").slice(1), module };
}

it("searches by the words that matter in all new messages, for everyone who will read the answer", async () => {
  const { asked } = await gather([], viewOf(["What was the name of my cat?", "And of Kate's dog?"]));

  expect(asked).toEqual([
    {
      spaceId: "default",
      agentId: "ana",
      readers: ["kate", "max"],
      words: ["name", "cat", "kate", "dog"],
      text: "What was the name of my cat?\nAnd of Kate's dog?",
      askedAt: 0,
      limit: 8,
      minScore: 0.3,
      except: { sessionId: "now", fromTurnSeq: 30 },
    },
  ]);
});

it("leaves out the new message itself where the prompt shows nothing of the conversation yet", async () => {
  const { asked } = await gather([], { ...viewOf(["my cat"]), shownFromTurnSeq: Number.MAX_SAFE_INTEGER });

  expect(asked.map(({ except }) => except)).toEqual([{ sessionId: "now", fromTurnSeq: 40 }]);
});

it("asks nothing of the store when no word says what the message is about", async () => {
  const { asked, contribution } = await gather([hitOf("x")], viewOf(["How are you?"]));

  expect(asked).toEqual([]);
  expect(contribution).toEqual({ text: "" });
});

it("tells day and speaker of each hit, and how many there are", async () => {
  const { lines, contribution } = await gather([
    hitOf("my cat is\ncalled Mia"),
    hitOf("Cats sleep a lot", { role: "assistant" }),
    hitOf("Likes cats", { role: "memory", kind: "memory", sessionId: undefined, turnSeq: undefined }),
  ]);

  expect(lines).toEqual([
    "[2026-11-03] user: my cat is called Mia",
    "[2026-11-03] assistant: Cats sleep a lot",
    "[2026-11-03] note: Likes cats",
  ]);
  expect(contribution.detail).toBe("3 memories");
});

it("says the same thing once", async () => {
  const { lines } = await gather([
    hitOf("My cat is called Mia.", { role: "memory", kind: "memory" }),
    hitOf("remember that my cat is called Mia!"),
    hitOf("cat"),
  ]);

  expect(lines).toEqual(["[2026-11-03] note: My cat is called Mia."]);
});

it("stays within its budget, and shows of a long text the part around the word", async () => {
  const long = (n: number): string =>
    `${`filler${n} `.repeat(200)} the cat number ${n} sat there ${`more${n} `.repeat(200)}`;
  const { contribution, lines, module } = await gather(Array.from({ length: 20 }, (_, n) => hitOf(long(n))));

  expect(estimateTokens(contribution.text)).toBeLessThanOrEqual(module.budgetTokens);
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.every((line, n) => line.includes(`the cat number ${n} sat`))).toBe(true);
});

it("lets a failure of the search through, for the assembler to go on without", async () => {
  const module = createMemoryModule({
    search: { search: () => Promise.reject(new Error("busy")) },
    clock: createManualClock(),
    logger: createLogRecorder(),
    metrics: createMetrics(),
  });

  await expect(module.gather(viewOf(["my cat"]), { signal })).rejects.toThrow("busy");
});

it("shows what says more than a better hit, and not what says the same in a few words more", async () => {
  const { lines } = await gather([
    hitOf("My cat"),
    hitOf("My cat is called Mia."),
    hitOf("Remember that my cat is called Mia!"),
  ]);

  expect(lines).toEqual(["[2026-11-03] user: My cat", "[2026-11-03] user: My cat is called Mia."]);
});
