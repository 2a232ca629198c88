import type { Write } from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeAgents } from "./store-agents.ts";
import { describeAttachments } from "./store-attachments.ts";
import { describeCustody } from "./store-custody.ts";
import { describeDeadLetters } from "./store-dead-letters.ts";
import { describeDelivery } from "./store-delivery.ts";
import { describeDocuments } from "./store-documents.ts";
import { describeDreams } from "./store-dreams.ts";
import { describeEffectOrder } from "./store-effects.ts";
import { describeErasure } from "./store-erasure.ts";
import {
  accepting,
  codeOf,
  commit,
  type GetHarness,
  message,
  options,
  result,
  type StoreHarness,
  session,
} from "./store-fixtures.ts";
import { describeFlowFamilies } from "./store-flow-families.ts";
import { describeFlowSignals } from "./store-flow-signals.ts";
import { describeFlows } from "./store-flows.ts";
import { describeHandoffs } from "./store-handoffs.ts";
import { describeInboxAndLists } from "./store-inbox.ts";
import { describeInboxItems } from "./store-inbox-items.ts";
import { describeJobs } from "./store-jobs.ts";
import { describeMemories } from "./store-memories.ts";
import { describeModules } from "./store-modules.ts";
import { describeMoney } from "./store-money.ts";
import { describePersons } from "./store-persons.ts";
import { describeRecords } from "./store-records.ts";
import { describeReferences } from "./store-references.ts";
import { describeSearch } from "./store-search.ts";
import { describeHolds, describeSecrets } from "./store-secrets.ts";
import { describeSessionChanges } from "./store-session-changes.ts";
import { describeSessions } from "./store-sessions.ts";
import { describeSignIns } from "./store-sign-ins.ts";
import { describeTapes } from "./store-tapes.ts";
import { describeUpkeep } from "./store-upkeep.ts";
import { describeVectors } from "./store-vectors.ts";
import { describeWaiting } from "./store-waiting.ts";

/** What every store keeps to. `open` gives a fresh, empty one. */
export function storeContract(name: string, open: () => Promise<StoreHarness>): void {
  describe(`store contract: ${name}`, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    describe("unit of work", () => {
      describeUnitOfWork(() => harness);
      describeCommitting(() => harness);
    });
    describe("sessions and messages", () => describeSessions(() => harness));
    describe("names, branches and deleting", () => describeSessionChanges(() => harness));
    describe("files of messages", () => describeAttachments(() => harness));
    describe("custody of turns", () => describeCustody(() => harness));
    describe("upkeep of turns", () => describeUpkeep(() => harness));
    describe("inbox and lists of turns", () => describeInboxAndLists(() => harness));
    describe("outbox and effects", () => describeDelivery(() => harness));
    describe("order and ends of effects", () => describeEffectOrder(() => harness));
    describe("dead letters", () => describeDeadLetters(() => harness));
    describe("what waits", () => describeWaiting(() => harness));
    describe("money", () => describeMoney(() => harness));
    describe("keys, agents, storylines", () => describeRecords(() => harness));
    describe("browsers that are signed in", () => describeSignIns(() => harness));
    describe("sealed secrets", () => describeSecrets(() => harness));
    describe("a held outbox", () => describeHolds(() => harness));
    describe("vectors", () => describeVectors(() => harness));
    describe("tapes of turns", () => describeTapes(() => harness));
    describe("jobs and their runs", () => describeJobs(() => harness));
    describe("flows", () => {
      describeFlows(() => harness);
      describeFlowFamilies(() => harness);
    });
    describe("events that flows wait for", () => describeFlowSignals(() => harness));
    describe("instances of modules", () => describeModules(() => harness));
    describe("conversations handed over", () => describeHandoffs(() => harness));
    describe("agents among themselves", () => describeAgents(() => harness));
    describe("people's inboxes", () => describeInboxItems(() => harness));
    describe("references", () => describeReferences(() => harness));
    describe("people with several names", () => describePersons(() => harness));
    describe("documents", () => describeDocuments(() => harness));
    describe("dreams", () => describeDreams(() => harness));
    describe("erasing a person", () => describeErasure(() => harness));
    describe("records of memory", () => describeMemories(() => harness));
    describe("memories and search", () => describeSearch(() => harness));
  });
}

function describeUnitOfWork(get: GetHarness): void {
  it("keeps all writes of a commit or none, and names the guard that refused", async () => {
    const harness = get();
    const { stores } = harness;
    await commit(harness, ...accepting(harness, 1, { inbound: { platformId: "p-1" } }));

    const code = await codeOf(commit(harness, ...accepting(harness, 2, { inbound: { platformId: "p-1" } })));

    expect(code).toBe("store.duplicate");
    expect((await stores.sessions.get("session-1", options))?.lastSeq).toBe(1);
    expect(await stores.turns.get("turn-2", options)).toBeUndefined();
  });

  it("keeps the good commits of a burst beside a refused one", async () => {
    const harness = get();
    const { stores } = harness;
    const touches = ["a", "b", "c"].map((id) => stores.sessions.touch(session({ id })));
    const orphan = stores.sessions.append(message({ id: "orphan", sessionId: "nowhere" }));

    const codes = await Promise.all([
      codeOf(commit(harness, touches[0] as Write<unknown>)),
      codeOf(commit(harness, touches[1] as Write<unknown>, orphan)),
      codeOf(commit(harness, touches[2] as Write<unknown>)),
    ]);

    expect(codes).toEqual(["kept", "store.conflict", "kept"]);
    const kept = await Promise.all(["a", "b", "c"].map((id) => stores.sessions.get(id, options)));
    expect(kept.map((one) => one?.id)).toEqual(["a", undefined, "c"]);
  });

  it("gives the result of every write, and of no other", async () => {
    const harness = get();
    const { stores } = harness;
    const touch = stores.sessions.touch(session({ count: 2 }));
    const first = stores.sessions.append(message({ id: "m-1", fromLast: 1 }));
    const second = stores.sessions.append(message({ id: "m-2", fromLast: 0 }));

    const committed = await commit(harness, touch, first, second);

    expect(committed.read(touch)).toEqual({ lastSeq: 2, created: true });
    expect([committed.read(first).seq, committed.read(second).seq]).toEqual([1, 2]);
    expect(() => committed.read(stores.sessions.touch(session()))).toThrow();
  });
}

function describeCommitting(get: GetHarness): void {
  it("rejects with the signal's reason before the hand-over and keeps nothing", async () => {
    const harness = get();
    const { stores } = harness;
    const reason = new Error("no longer wanted");
    const early = AbortSignal.abort(reason);
    const late = new AbortController();

    const first = stores.unit.commit([stores.sessions.touch(session())], { signal: early });
    const second = stores.unit.commit([stores.sessions.touch(session())], { signal: late.signal });
    late.abort(reason);

    expect(await Promise.allSettled([first, second])).toEqual([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    expect(await stores.sessions.get("session-1", options)).toBeUndefined();
  });

  it("lets riders go with the next commit, and flush waits for them", async () => {
    const harness = get();
    const { stores } = harness;

    stores.unit.ride([stores.sessions.touch(session({ id: "with-commit" }))]);
    await commit(harness, stores.sessions.touch(session({ id: "commit" })));
    const together = await stores.sessions.get("with-commit", options);
    stores.unit.ride([stores.sessions.touch(session({ id: "alone" }))]);
    await stores.unit.flush(options);

    expect(together?.id).toBe("with-commit");
    expect((await stores.sessions.get("alone", options))?.id).toBe("alone");
  });

  it("numbers a session without gap or repeat under a hundred commits at once", async () => {
    const harness = get();
    const { stores } = harness;

    const seqs = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const touch = stores.sessions.touch(session());
        await commit(harness, touch, stores.sessions.append(message({ id: `m-${n}` })));
        return n;
      }),
    );

    const page = await stores.sessions.messages({ sessionId: "session-1", limit: 200 }, options);
    expect(seqs).toHaveLength(100);
    expect(page.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(page.items.map(({ turnSeq }) => turnSeq)).toEqual(page.items.map(({ seq }) => seq));
  });

  it("shows a commit to every read that starts after it", async () => {
    const harness = get();
    for (let n = 1; n <= 20; n++) {
      const { lastSeq } = await result(harness, harness.stores.sessions.touch(session()));
      const read = await harness.stores.sessions.get("session-1", options);
      const listed = await harness.stores.sessions.list({ spaceId: "default" }, options);
      expect([read?.lastSeq, listed.items[0]?.lastSeq]).toEqual([lastSeq, lastSeq]);
    }
  });
}
