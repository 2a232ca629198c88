import type { Handoff } from "@troupe/contracts";
import { expect, it } from "vitest";
import { codeOf, commit, type GetHarness, options, SPACE, session } from "./store-fixtures.ts";

const handoff = (change: Partial<Handoff> = {}): Omit<Handoff, "endedAt"> => ({
  ...{ id: "h-1", spaceId: SPACE, sessionId: "session-1", from: "ana", to: "kate" },
  ...{ turnId: "turn-1", turnSeq: 3, note: "Wants a story 🎭", context: "Person: hi", audience: ["peer-1"] },
  at: 100,
  ...change,
});

export function describeHandoffs(get: GetHarness): void {
  it("hands a session to another agent until it is given back, and tells what went with it", async () => {
    const harness = get();
    const { sessions } = harness.stores;
    await commit(harness, sessions.touch(session()));
    await commit(harness, sessions.handOff(handoff()));

    expect((await sessions.get("session-1", options))?.handedTo).toBe("kate");
    expect(await sessions.handoff({ sessionId: "session-1", to: "kate" }, options)).toEqual(handoff());
    await commit(harness, sessions.handOff(handoff({ id: "h-2", from: "kate", to: "bob", at: 200 })));
    await commit(harness, sessions.handBack({ id: "session-1", at: 300 }));
    await commit(harness, sessions.handBack({ id: "session-1", at: 400 }));

    expect((await sessions.get("session-1", options))?.handedTo).toBeUndefined();
    const ends = ["kate", "bob", "ana"].map(
      async (to) => (await sessions.handoff({ sessionId: "session-1", to }, options))?.endedAt,
    );
    expect(await Promise.all(ends)).toEqual([200, 300, undefined]);
    expect(await codeOf(commit(harness, sessions.handOff(handoff({ sessionId: "none" }))))).toBe(
      "store.conflict",
    );
  });

  it("takes no message for an agent that does not answer there any more", async () => {
    const harness = get();
    const { sessions } = harness.stores;
    const touch = (handedTo?: string) =>
      codeOf(commit(harness, sessions.touch(session(handedTo === undefined ? {} : { handedTo }))));

    expect(await touch("")).toBe("kept");
    expect(await touch("")).toBe("kept");
    await commit(harness, sessions.handOff(handoff()));
    expect(await touch("")).toBe("store.conflict");
    expect(await touch("kate")).toBe("kept");
    expect(await touch()).toBe("kept");
    await commit(harness, sessions.handBack({ id: "session-1", at: 300 }));
    expect(await touch("kate")).toBe("store.conflict");
    expect((await sessions.get("session-1", options))?.lastSeq).toBe(4);
  });

  it("forgets handoffs with their session", async () => {
    const harness = get();
    const { sessions } = harness.stores;
    await commit(harness, sessions.touch(session()), sessions.handOff(handoff()));
    await commit(harness, sessions.remove("session-1"));

    expect(await sessions.handoff({ sessionId: "session-1", to: "kate" }, options)).toBeUndefined();
  });
}
