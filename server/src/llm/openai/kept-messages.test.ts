import type { ModelMessage } from "@troupe/contracts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createKeptMessages } from "./kept-messages.ts";

/** A serialiser that counts what it is asked for. */
function setUp() {
  const asked: ModelMessage[] = [];
  const kept = createKeptMessages((message) => {
    asked.push(message);
    return JSON.stringify(message);
  });
  const serialise = (messages: readonly ModelMessage[]) => kept.serialise(messages).toString();
  return { serialise, take: () => asked.splice(0) };
}

const plain = (messages: readonly ModelMessage[]) => messages.map((one) => JSON.stringify(one)).join(",");
const user = (text: string): ModelMessage => ({ role: "user", text });
const assistant = (text: string): ModelMessage => ({ role: "assistant", text, calls: [] });

it("serialises each message of a growing conversation once, its newest one included", () => {
  const { serialise, take } = setUp();
  const system: ModelMessage = { role: "system", text: "Help." };
  const history: ModelMessage[] = [];
  const counts: number[] = [];

  for (let turn = 0; turn < 50; turn++) {
    const prompt = [system, ...history, user(`question ${turn}`)];
    expect(serialise(prompt)).toBe(plain(prompt));
    counts.push(take().length);
    // The history holds an equal message, not the very same.
    history.push(user(`question ${turn}`), assistant(`answer ${turn}`));
  }

  expect(counts).toEqual([2, ...Array<number>(49).fill(2)]);
});

it("serialises anew what follows a change, and nothing before it", () => {
  const { serialise, take } = setUp();
  const before = [user("one"), assistant("two"), user("three")];
  serialise(before);
  take();
  const changed = [...before.slice(0, 1), assistant("другий"), ...before.slice(2)];

  expect(serialise(changed)).toBe(plain(changed));
  expect(take()).toEqual(changed.slice(1));
});

it("gives the bytes of exactly these messages, whatever was asked for before", () => {
  const texts = fc.constantFrom("", "tea", "чай", "お茶 \u{1F375}", 'with "quotes"\n', "long ".repeat(300));
  const calls = fc.array(fc.record({ callId: texts, name: texts, arguments: texts }), { maxLength: 2 });
  const message: fc.Arbitrary<ModelMessage> = fc.oneof(
    fc.record({ role: fc.constantFrom("system" as const, "user" as const), text: texts }),
    fc.record({ role: fc.constant("assistant" as const), text: texts, calls }),
    fc.record({
      role: fc.constant("tool" as const),
      callId: texts,
      name: texts,
      text: texts,
      isError: fc.boolean(),
    }),
  );
  /** How much of the last request stays, from its start, and what follows. */
  const requests = fc.array(
    fc.record({ keep: fc.nat(12), copies: fc.boolean(), more: fc.array(message, { maxLength: 4 }) }),
    { maxLength: 12 },
  );

  fc.assert(
    fc.property(requests, (all) => {
      const { serialise } = setUp();
      let messages: ModelMessage[] = [];
      for (const { keep, copies, more } of all) {
        const start = messages.slice(0, keep);
        messages = [...(copies ? structuredClone(start) : start), ...more];
        expect(serialise(messages)).toBe(plain(messages));
      }
    }),
  );
});
