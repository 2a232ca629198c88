// What work behind the reply reads of a conversation.
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { saidAfter, saidInTurn } from "../../server/src/memory/said-messages.ts";
import { openInlineStores } from "../../server/src/store/index.ts";

const options = { signal: new AbortController().signal };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const clock = createManualClock();
  const deps = {
    clock,
    ids: createIdGenerator(clock),
    logger: createLogRecorder(),
    metrics: createMetrics(),
  };
  const { stores, close } = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(close);
  const { sessions, unit } = stores;
  let count = 0;
  const append = async (
    role: "user" | "assistant",
    parts: readonly object[],
    turnSeq: number | "same",
  ): Promise<number> => {
    count += 1;
    const of = { spaceId: "default", sessionId: "s", audience: ["kate"] };
    const kept = sessions.append({
      ...{ ...of, id: `message-${count}`, turnId: `turn-${turnSeq === "same" ? count : turnSeq}`, role },
      ...{ parts: parts as never, outcome: "ok", createdAt: clock.now(), fromLast: 0, turnSeq },
    });
    const touch = sessions.touch({
      ...{ id: "s", key: "s", spaceId: "default", agentId: "ana", channel: "api", peerId: "kate" },
      ...{ ownerId: "key", audience: ["kate"], stateless: false, at: clock.now(), count: 1 },
    });
    return (await unit.commit([touch, kept], options)).read(kept).seq;
  };
  const text = (words: string) => ({ type: "text", text: words });
  const ask = (words: string) => append("user", [text(words)], "same");
  const answer = (turnSeq: number, words: string, brought = "") =>
    append(
      "assistant",
      [{ type: "tool-result", callId: "c", name: "read", text: brought, isError: false }, text(words)],
      turnSeq,
    );
  const since = async (sinceTurnSeq: number, uptoTurnSeq: number): Promise<readonly string[]> => {
    const of = { sessionId: "s", sinceTurnSeq, uptoTurnSeq };
    const said = await saidAfter(sessions, of, () => true, options);
    return said.map(({ parts }) => parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join());
  };
  return { sessions, ask, answer, since };
}

it("reads all turns since the last summary, whatever their tools brought, each with its answer", async () => {
  const { ask, answer, since } = setUp();
  const first = await ask("one");
  const second = await ask("two");
  await answer(first, "to one", "x".repeat(200_000));
  await answer(second, "to two", "x".repeat(200_000));
  const third = await ask("three");
  await answer(third, "to three");

  expect(await since(0, second)).toEqual(["one", "to one", "two", "to two"]);
  expect(await since(first, third)).toEqual(["two", "to two", "three", "to three"]);
});

it("reads the newest of very much", async () => {
  const { ask, answer, since } = setUp();
  let last = 0;
  for (let n = 1; n <= 150; n++) {
    last = await ask(`${n} ${"word ".repeat(1_000)}`);
    await answer(last, "hm");
  }

  const said = await since(0, last);

  expect(said.at(-2)).toMatch(/^150 /);
  expect(said.length).toBeGreaterThan(120);
  expect(said.length).toBeLessThan(140);
});

it("reads of a turn what was written in it, though others wrote before it was answered", async () => {
  const { ask, answer, sessions } = setUp();
  const turnSeq = await ask("one");
  for (let n = 0; n < 40; n++) await ask("another");
  await answer(turnSeq, "to one");

  const said = await saidInTurn(sessions, { sessionId: "s", turnSeq, turnId: "turn-1" }, options);

  expect(said.map(({ role }) => role)).toEqual(["user", "assistant"]);
});
