import type { AgentSpec, KeyRecord } from "@troupe/contracts";
import { expect, it } from "vitest";
import { commit, type GetHarness, options, result, SPACE } from "./store-fixtures.ts";

export function describeRecords(get: GetHarness): void {
  describeKeys(get);
  describeProcesses(get);
  describeAgents(get);
  describeStorylines(get);
}

function describeKeys(get: GetHarness): void {
  it("finds a key by its hash, revoked or not, and revokes once", async () => {
    const harness = get();
    const { keys } = harness.stores;
    const key: KeyRecord = {
      id: "k",
      spaceId: SPACE,
      name: "laptop",
      kind: "key",
      hash: "ab12",
      hint: "trp_ab",
      createdAt: 1,
      revokedAt: undefined,
    };
    await commit(harness, keys.put(key), keys.put({ ...key, id: "k2", hash: "cd34", spaceId: "other" }));

    const found = await keys.findByHash("ab12", options);
    await commit(harness, keys.revoke("k", 50));
    await commit(harness, keys.revoke("k", 60));

    expect(found).toEqual(key);
    expect(await keys.findByHash("ab12", options)).toEqual({ ...key, revokedAt: 50 });
    expect(await keys.findByHash("none", options)).toBeUndefined();
    expect((await keys.list(SPACE, options)).map(({ id }) => id)).toEqual(["k"]);
  });
}

function describeProcesses(get: GetHarness): void {
  it("lists every process that is known, and tells which of them still holds its lease", async () => {
    const harness = get();
    const { leases } = harness.stores;
    const before = (await leases.list(options)).map(({ id }) => id);
    await commit(harness, leases.register({ id: "brief", pid: 7, role: "serve", leaseMs: 20 }));
    await commit(harness, leases.register({ id: "long", pid: 8, role: "command", leaseMs: 60_000 }));
    await harness.pass(30);
    const known = (await leases.list(options)).filter(({ id }) => !before.includes(id));

    expect(known).toEqual([
      { id: "long", pid: 8, role: "command", leaseUntil: expect.any(Number), isAlive: true },
      { id: "brief", pid: 7, role: "serve", leaseUntil: expect.any(Number), isAlive: false },
    ]);
  });
}

function describeAgents(get: GetHarness): void {
  it("raises the revision when a blueprint changes, and only then, whatever the order of its keys", async () => {
    const harness = get();
    const { agents } = harness.stores;
    const spec: AgentSpec = { id: "ana", name: "Ana", model: "default", instructions: "Help." };
    const reordered = { instructions: "Help.", model: "default", name: "Ana", id: "ana" };
    const put = (one: AgentSpec) => result(harness, agents.put(SPACE, one, 5));

    const revisions = [
      await put(spec),
      await put(reordered),
      await put({ ...spec, instructions: "Help briefly." }),
    ];
    await commit(harness, agents.retire(SPACE, "ana", 9));
    const retired = await agents.list(SPACE, options);
    const back = await put({ ...spec, instructions: "Help briefly." });

    expect(revisions.map(({ revision }) => revision)).toEqual([1, 1, 2]);
    expect([retired, back.revision]).toEqual([[], 2]);
    expect(await agents.list(SPACE, options)).toEqual([
      { spaceId: SPACE, revision: 2, spec: { ...spec, instructions: "Help briefly." } },
    ]);
  });
}

function describeStorylines(get: GetHarness): void {
  it("opens a storyline once, and an older summary never replaces a newer one", async () => {
    const harness = get();
    const { storylines } = harness.stores;
    const line = {
      id: "l-1",
      spaceId: SPACE,
      agentId: "ana",
      sessionId: "session-1",
      audience: ["peer-1"],
      title: "Tea",
      updatedAt: 1,
    };
    await commit(harness, storylines.open(line), storylines.open({ ...line, id: "l-2", title: "Coffee" }));

    await commit(
      harness,
      storylines.summarise({
        id: "l-1",
        title: "Green tea",
        summary: "They like it.",
        summaryTurnSeq: 9,
        at: 5,
      }),
    );
    await commit(
      harness,
      storylines.summarise({ id: "l-1", title: "Old", summary: "Old.", summaryTurnSeq: 4, at: 6 }),
    );

    expect(await storylines.ofSession("session-1", options)).toEqual({
      ...line,
      title: "Green tea",
      summary: "They like it.",
      summaryTurnSeq: 9,
      updatedAt: 5,
    });
    expect(await storylines.ofSession("session-2", options)).toBeUndefined();
  });
}
