import type { FilePart } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  codeOf,
  commit,
  type GetHarness,
  message,
  OWNER,
  options,
  SPACE,
  session,
} from "./store-fixtures.ts";

const file = (blobId: string, name = "cat.png"): FilePart => ({
  type: "file",
  blobId,
  mediaType: "image/png",
  name,
  sizeBytes: 5_000_000_000,
});

type Keep = (
  id: string,
  files: readonly FilePart[],
  sessionId?: string,
  ownerId?: string,
) => Promise<unknown>;

export function describeAttachments(get: GetHarness): void {
  const keep: Keep = (id, files, sessionId = "session-1", ownerId = OWNER) => {
    const harness = get();
    const { sessions } = harness.stores;
    return commit(
      harness,
      sessions.touch(session({ id: sessionId, ownerId })),
      sessions.append(message({ id, sessionId, parts: [...files, { type: "text", text: "look" }] })),
    );
  };
  describeFinding(get, keep);
  describeCustodyOfFiles(get, keep);
}

function describeFinding(get: GetHarness, keep: Keep): void {
  it("finds a file by the newest message that holds it, for those who may see its session", async () => {
    const { attachments } = get().stores;
    await keep("message-1", [file("b1", "old name.png"), file("b2")]);
    await keep("message-2", [file("b1", "Їжак.png"), file("b1", "Їжак.png")]);

    const found = await attachments.find({ spaceId: SPACE, blobId: "b1", ownerId: OWNER }, options);

    expect(found).toEqual({
      ...file("b1", "Їжак.png"),
      spaceId: SPACE,
      sessionId: "session-1",
      messageId: "message-2",
    });
    expect(await attachments.find({ spaceId: SPACE, blobId: "b1" }, options)).toEqual(found);
    for (const query of [
      { spaceId: SPACE, blobId: "b1", ownerId: "somebody else" },
      { spaceId: "other", blobId: "b1" },
      { spaceId: SPACE, blobId: "b3", ownerId: OWNER },
    ])
      expect(await attachments.find(query, options)).toBeUndefined();
  });

  it("gives each owner the message of their own", async () => {
    const { attachments } = get().stores;
    await keep("message-1", [file("b1", "mine.png")]);
    await keep("message-2", [file("b1", "theirs.png")], "session-2", "key-2");

    const mine = await attachments.find({ spaceId: SPACE, blobId: "b1", ownerId: OWNER }, options);
    const theirs = await attachments.find({ spaceId: SPACE, blobId: "b1", ownerId: "key-2" }, options);

    expect([mine?.name, theirs?.name]).toEqual(["mine.png", "theirs.png"]);
  });
}

function describeCustodyOfFiles(get: GetHarness, keep: Keep): void {
  it("says which of many files a message holds", async () => {
    const { attachments } = get().stores;
    await keep("message-1", [file("b1"), file("b2")]);
    const held = (blobIds: readonly string[], spaceId = SPACE) =>
      attachments.held({ spaceId, blobIds }, options);

    expect((await held(["b0", "b2", "b1", "b3"])).toSorted()).toEqual(["b1", "b2"]);
    expect(await held([])).toEqual([]);
    expect(await held(["b1"], "other")).toEqual([]);
  });

  it("copies files with the branch that copies their messages, and lets them go with their session", async () => {
    const harness = get();
    const { sessions, attachments } = harness.stores;
    await keep("message-1", [file("b1")]);
    await keep("message-2", [file("b2")]);
    const branch = { id: "branch-1", key: "k", name: undefined, at: 5, storylineId: "line-1" };
    await commit(
      harness,
      sessions.branch({ ...branch, parentId: "session-1", messageId: "message-1", isIncluded: true }),
    );

    await commit(harness, sessions.remove("session-1"));

    expect(await attachments.held({ spaceId: SPACE, blobIds: ["b1", "b2"] }, options)).toEqual(["b1"]);
    expect(await attachments.find({ spaceId: SPACE, blobId: "b1", ownerId: OWNER }, options)).toMatchObject({
      sessionId: "branch-1",
      messageId: "branch-1.1",
    });
    await commit(harness, sessions.remove("branch-1"));
    expect(await attachments.held({ spaceId: SPACE, blobIds: ["b1"] }, options)).toEqual([]);
  });

  it("keeps no file of a message that was not kept", async () => {
    const harness = get();
    const { sessions, attachments } = harness.stores;

    const code = await codeOf(
      commit(harness, sessions.append(message({ id: "m", sessionId: "nowhere", parts: [file("b1")] }))),
    );

    expect(code).toBe("store.conflict");
    expect(await attachments.held({ spaceId: SPACE, blobIds: ["b1"] }, options)).toEqual([]);
  });
}
