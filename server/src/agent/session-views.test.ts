import type { Message } from "@troupe/contracts";
import { expect, test } from "vitest";
import { estimateTokens } from "../kit/index.ts";
import { createSessionViews, HOME } from "./session-views.ts";
import { historyTurn } from "./tracks.ts";

const MAX_BYTES = 100_000;
const options = { signal: new AbortController().signal };

function openViews(maxBytes = MAX_BYTES) {
  return createSessionViews({
    sessions: { history: async () => [] },
    storylines: { ofSession: async () => undefined, placedIn: async () => [], compactions: async () => [] },
    estimateTokens,
    maxBytes,
  });
}

const said = (turnSeq: number, text: string): Message => ({
  ...{ id: `m${turnSeq}`, spaceId: "default", sessionId: "s", turnId: `t${turnSeq}`, seq: turnSeq, turnSeq },
  ...{ role: "user", parts: [{ type: "text", text }], audience: ["p1"], outcome: "ok", createdAt: 0 },
});

test("conversations that grow while all of them are at hand keep to the bound, the least used go first", async () => {
  const views = openViews();
  const sessions = await Promise.all(
    ["a", "b", "c"].map((id) => views.load({ id, isNew: true, audience: ["p1"] }, 1, options)),
  );
  const atHand = () => ["a", "b", "c"].filter((id) => views.peek(id) !== undefined);
  for (const view of sessions)
    for (let turnSeq = 1; turnSeq <= 10; turnSeq++)
      views.append(view, HOME, historyTurn([said(turnSeq, "word ".repeat(200))], estimateTokens), [turnSeq]);

  expect(views.stats.bytes).toBeLessThanOrEqual(MAX_BYTES);
  expect(atHand()).toEqual(["b", "c"]);
});

test("one that is larger than the bound stays while it is used", async () => {
  const views = openViews();
  const view = await views.load({ id: "a", isNew: true, audience: ["p1"] }, 1, options);
  views.append(view, HOME, historyTurn([said(1, "word ".repeat(20_000))], estimateTokens), [1]);

  expect(views.peek("a")).toBe(view);
  await views.load({ id: "b", isNew: true, audience: ["p1"] }, 1, options);
  expect(views.peek("a")).toBeUndefined();
});

test("a conversation of ever more storylines is read anew before it takes all there is", async () => {
  const views = openViews(64 * 1024 * 1024);
  const view = await views.load({ id: "a", isNew: true, audience: ["p1"] }, 1, options);
  const long = "word ".repeat(30_000);
  let turnSeq = 0;
  while (views.peek("a") !== undefined && turnSeq < 100) {
    turnSeq += 1;
    views.append(view, `storyline-${turnSeq}`, historyTurn([said(turnSeq, long)], estimateTokens), [turnSeq]);
  }

  expect(turnSeq).toBeLessThan(40);
  expect(views.stats).toEqual({ sessions: 0, bytes: 0 });
});
