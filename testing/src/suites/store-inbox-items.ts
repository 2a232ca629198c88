import type { InboxItem, InboxOwners } from "@troupe/contracts";
import { expect, it } from "vitest";
import {
  accepting,
  codeOf,
  commit,
  finished,
  type GetHarness,
  options,
  result,
  SPACE,
  type StoreHarness,
} from "./store-fixtures.ts";

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);
const KEEP = 100;
const KATE: InboxOwners = { spaceId: SPACE, ownerIds: ["kate"] };

function item(n: number, change: Partial<InboxItem> = {}): Omit<InboxItem, "readAt"> {
  return {
    id: `item-${n}`,
    spaceId: SPACE,
    ownerId: "kate",
    kind: "reply",
    agentId: "ana",
    sessionId: "session-1",
    turnId: `turn-${n}`,
    title: `title ${n}`,
    text: `text ${n}`,
    createdAt: AT + n,
    ...change,
  };
}

async function put(harness: StoreHarness, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await commit(harness, harness.stores.inboxItems.put(item(n), KEEP));
}

/** Ids that a list gives, and of those the unread ones. */
async function listed({ stores }: StoreHarness, owners = KATE): Promise<readonly (readonly string[])[]> {
  const all = await stores.inboxItems.list({ ...owners, unreadOnly: false }, options);
  const unread = await stores.inboxItems.list({ ...owners, unreadOnly: true }, options);
  expect(await stores.inboxItems.countUnread(owners, options)).toBe(unread.items.length);
  return [all.items.map(({ id }) => id), unread.items.map(({ id }) => id)];
}

export function describeInboxItems(get: GetHarness): void {
  describeKeeping(get);
  describeReading(get);
  describeEnds(get);
}

function describeKeeping(get: GetHarness): void {
  it("keeps an item as it is, and lists it with the beginning of its text, for its owner alone", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    const long = `Привіт 🎭 ${"far ".repeat(200)}`;
    const kept = item(1, { text: long });
    const bare = { agentId: undefined, sessionId: undefined, turnId: undefined };
    const notice = item(2, { kind: "notice", ...bare, text: "short" });

    expect(await result(harness, inboxItems.put(kept, KEEP))).toEqual({ isNew: true });
    await commit(harness, inboxItems.put(notice, KEEP));

    expect(await inboxItems.get({ ...KATE, id: "item-1" }, options)).toEqual({ ...kept, readAt: undefined });
    const { items } = await inboxItems.list({ ...KATE, unreadOnly: false }, options);
    const { text: noticeText, ...aboutNotice } = notice;
    expect(items[0]).toEqual({ ...aboutNotice, excerpt: noticeText, readAt: undefined });
    expect(items[1]).not.toHaveProperty("text");
    expect(items[1]?.excerpt.length).toBeLessThan(300);
    expect(long.startsWith(items[1]?.excerpt ?? "?")).toBe(true);
    for (const others of [
      { spaceId: SPACE, ownerIds: ["petro"] },
      { spaceId: "other", ownerIds: ["kate"] },
      { spaceId: SPACE, ownerIds: [] },
    ]) {
      expect(await inboxItems.get({ ...others, id: "item-1" }, options)).toBeUndefined();
      expect(await listed(harness, others)).toEqual([[], []]);
    }
  });

  it("keeps one item for one id, however often it comes", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1);

    const again = await result(harness, inboxItems.put(item(1, { text: "another" }), KEEP));

    expect(again).toEqual({ isNew: false });
    expect((await inboxItems.get({ ...KATE, id: "item-1" }, options))?.text).toBe("text 1");
    expect(await listed(harness)).toEqual([["item-1"], ["item-1"]]);
  });

  it("pages from the newest to the oldest, over several owners at once", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1, 2);
    await commit(harness, inboxItems.put(item(3, { ownerId: "operator" }), KEEP));
    await put(harness, 4, 5);
    const both = { spaceId: SPACE, ownerIds: ["kate", "operator"] };

    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await inboxItems.list(
        { ...both, unreadOnly: false, limit: 2, ...(cursor === undefined ? {} : { cursor }) },
        options,
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);

    expect(seen).toEqual(["item-5", "item-4", "item-3", "item-2", "item-1"]);
    expect(await codeOf(inboxItems.list({ ...both, unreadOnly: false, cursor: "x" }, options))).toBe(
      "request.invalid",
    );
  });
}

function describeReading(get: GetHarness): void {
  it("marks one as read and as unread, and counts what changed", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1, 2);
    const mark = (id: string | undefined, readAt: number | undefined, owners = KATE) =>
      result(harness, inboxItems.mark({ ...owners, id, readAt }));

    expect(await mark("item-1", AT + 50)).toEqual({ count: 1 });
    expect(await mark("item-1", AT + 60)).toEqual({ count: 0 });
    expect((await inboxItems.get({ ...KATE, id: "item-1" }, options))?.readAt).toBe(AT + 50);
    expect(await listed(harness)).toEqual([["item-2", "item-1"], ["item-2"]]);
    expect(await mark("item-1", undefined)).toEqual({ count: 1 });
    expect(await listed(harness)).toEqual([
      ["item-2", "item-1"],
      ["item-2", "item-1"],
    ]);
    expect(await mark("item-1", AT, { ...KATE, ownerIds: ["petro"] })).toEqual({ count: 0 });
    expect(await mark("nothing", AT)).toEqual({ count: 0 });
  });

  it("marks all of an owner, and nothing of another", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1, 2);
    await commit(harness, inboxItems.put(item(3, { ownerId: "petro" }), KEEP));

    expect(await result(harness, inboxItems.mark({ ...KATE, id: undefined, readAt: AT }))).toEqual({
      count: 2,
    });
    expect(await listed(harness)).toEqual([["item-2", "item-1"], []]);
    expect(await listed(harness, { spaceId: SPACE, ownerIds: ["petro"] })).toEqual([["item-3"], ["item-3"]]);
  });
}

function describeEnds(get: GetHarness): void {
  it("does not bring back what was removed when its delivery is repeated", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1, 2);
    const remove = (ownerIds: readonly string[]) =>
      result(harness, inboxItems.remove({ spaceId: SPACE, ownerIds, id: "item-1", at: AT }));

    expect(await remove(["petro"])).toEqual({ count: 0 });
    expect(await remove(["kate"])).toEqual({ count: 1 });
    expect(await remove(["kate"])).toEqual({ count: 0 });
    expect(await result(harness, inboxItems.put(item(1), KEEP))).toEqual({ isNew: false });

    expect(await inboxItems.get({ ...KATE, id: "item-1" }, options)).toBeUndefined();
    expect(await listed(harness)).toEqual([["item-2"], ["item-2"]]);
  });

  it("lets read items go first past the bound, the oldest of them before others, and forgets removed ones", async () => {
    const harness = get();
    const { inboxItems } = harness.stores;
    await put(harness, 1, 2, 3);
    for (const id of ["item-2", "item-3"]) {
      await commit(harness, inboxItems.mark({ ...KATE, id, readAt: AT }));
    }
    const keepThree = (n: number) => commit(harness, inboxItems.put(item(n), 3));

    await keepThree(4);
    expect(await listed(harness)).toEqual([
      ["item-4", "item-3", "item-1"],
      ["item-4", "item-1"],
    ]);
    await keepThree(5);
    await keepThree(6);
    expect((await listed(harness))[0]).toEqual(["item-6", "item-5", "item-4"]);
    for (const n of [4, 5, 6, 7]) {
      await keepThree(n);
      await commit(harness, inboxItems.remove({ ...KATE, id: `item-${n}`, at: AT }));
    }
    await keepThree(8);
    // The oldest of four removed ones is forgotten, the newer ones are not.
    expect(await result(harness, inboxItems.put(item(5), 3))).toEqual({ isNew: false });
    expect(await result(harness, inboxItems.put(item(4), 3))).toEqual({ isNew: true });
  });

  it("deletes the items of a session with it, and no others", async () => {
    const harness = get();
    const { inboxItems, turns, sessions } = harness.stores;
    await commit(harness, ...accepting(harness, 1, { turn: { owner: "p-1" } }));
    await commit(harness, turns.finish(finished()));
    await put(harness, 1);
    await commit(harness, inboxItems.put(item(2, { sessionId: undefined, kind: "notice" }), KEEP));

    await commit(harness, sessions.remove("session-1"));

    expect(await listed(harness)).toEqual([["item-2"], ["item-2"]]);
  });
}
