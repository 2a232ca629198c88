import type { TapeRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  commit,
  finished,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);

const tape = (change: Partial<TapeRecord> = {}): TapeRecord => ({
  turnId: "turn-1",
  spaceId: SPACE,
  attempt: 1,
  text: '{"kind":"tape.turn","v":1}\n{"kind":"tape.end","v":1,"reply":"Добре 🎭"}\n',
  bytes: 80,
  cut: undefined,
  createdAt: AT,
  ...change,
});

async function withTurns(harness: StoreHarness, ...numbers: readonly number[]): Promise<void> {
  for (const number of numbers) await commit(harness, ...accepting(harness, number));
}

export function describeTapes(get: GetHarness): void {
  describeKeeping(get);
  describeEndOfTapes(get);
}

function describeKeeping(get: GetHarness): void {
  it("keeps a tape as it was, to be found by its turn and its space", async () => {
    const harness = get();
    const { tapes } = harness.stores;
    await withTurns(harness, 1);
    const kept = tape({ cut: "It is longer than 80 bytes." });

    await commit(harness, tapes.put(kept));

    const { text, ...about } = kept;
    const named = { spaceId: SPACE, turnId: "turn-1" };
    expect(await tapes.get(named, options)).toEqual({ ...about, text });
    expect(await tapes.find(named, options)).toEqual(about);
    expect(await tapes.totals(SPACE, options)).toEqual({ count: 1, bytes: 80 });
    for (const query of [
      { spaceId: "other", turnId: "turn-1" },
      { spaceId: SPACE, turnId: "turn-2" },
    ]) {
      expect(await tapes.get(query, options)).toBeUndefined();
      expect(await tapes.find(query, options)).toBeUndefined();
    }
    expect(await tapes.totals("other", options)).toEqual({ count: 0, bytes: 0 });
  });

  it("replaces a tape by that of the same or a later attempt, and by none of an earlier one", async () => {
    const harness = get();
    const { tapes } = harness.stores;
    await withTurns(harness, 1);
    const textOf = async () => (await tapes.get({ spaceId: SPACE, turnId: "turn-1" }, options))?.text;

    await commit(harness, tapes.put(tape({ attempt: 2, text: "second" })));
    await commit(harness, tapes.put(tape({ attempt: 1, text: "first" })));
    expect(await textOf()).toBe("second");
    await commit(harness, tapes.put(tape({ attempt: 3, text: "third" })));
    expect(await textOf()).toBe("third");
  });

  it("keeps no tape of a turn that is gone", async () => {
    const harness = get();
    const { tapes } = harness.stores;

    await commit(harness, tapes.put(tape({ turnId: "nobody" })));

    expect(await tapes.get({ spaceId: SPACE, turnId: "nobody" }, options)).toBeUndefined();
  });
}

function describeEndOfTapes(get: GetHarness): void {
  it("deletes old tapes, the oldest first and not more than asked for", async () => {
    const harness = get();
    const { tapes } = harness.stores;
    await withTurns(harness, 1, 2, 3, 4);
    for (const number of [1, 2, 3, 4]) {
      await commit(harness, tapes.put(tape({ turnId: `turn-${number}`, createdAt: AT + number })));
    }
    const left = async () => {
      const found = await Promise.all(
        [1, 2, 3, 4].map((number) => tapes.find({ spaceId: SPACE, turnId: `turn-${number}` }, options)),
      );
      return found.flatMap((one) => one?.turnId ?? []);
    };
    const prune = (limit: number, spaceId = SPACE) => tapes.prune({ spaceId, before: AT + 4, limit });

    expect(await result(harness, prune(10, "other"))).toEqual({ count: 0 });
    expect(await result(harness, prune(2))).toEqual({ count: 2 });
    expect(await left()).toEqual(["turn-3", "turn-4"]);
    expect(await result(harness, prune(2))).toEqual({ count: 1 });
    expect(await left()).toEqual(["turn-4"]);
  });

  it("deletes the tapes of a session with it, and no other", async () => {
    const harness = get();
    const { tapes, turns, sessions } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.finish(finished()));
    await commit(harness, ...accepting(harness, 2, { sessionId: "session-2" }));
    await commit(harness, tapes.put(tape({ turnId: "turn-2" })));
    await commit(harness, tapes.put(tape()));

    await commit(harness, sessions.remove("session-1"));

    expect(await tapes.find({ spaceId: SPACE, turnId: "turn-1" }, options)).toBeUndefined();
    await commit(harness, tapes.put(tape()));
    expect(await tapes.totals(SPACE, options)).toEqual({ count: 1, bytes: 80 });
  });
}
