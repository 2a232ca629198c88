import { expect, test } from "vitest";
import type { Message, SessionSummary } from "../api/types.ts";
import { firstOwnExchange, versionsOf } from "./branches.ts";
import { threadOf, withMessages } from "./chat-state.ts";
import { exchangesOf } from "./exchanges.ts";

const message = (id: string, seq: number, turnId: string, sessionId: string): Message => ({
  ...{
    id,
    spaceId: "default",
    sessionId,
    turnId,
    seq,
    turnSeq: seq,
    role: seq % 2 === 1 ? "user" : "assistant",
  },
  ...{ parts: [], audience: ["me"], outcome: "ok", createdAt: seq },
});
const session = (id: string, createdAt: number, parent?: SessionSummary["parent"]): SessionSummary => ({
  ...{
    id,
    spaceId: "default",
    agentId: "ana",
    channel: "api",
    key: id,
    peerId: "me",
    ownerId: "me",
    audience: ["me"],
  },
  ...{ stateless: false, lastSeq: 4, createdAt, updatedAt: createdAt, title: id, turns: 2 },
  ...(parent === undefined ? {} : { parent }),
});

const sessions = [
  session("p", 1),
  session("c2", 3, { sessionId: "p", messageId: "m3" }),
  session("c1", 2, { sessionId: "p", messageId: "m3" }),
  session("other", 4, { sessionId: "elsewhere", messageId: "m3" }),
];

function versions(id: string, messages: readonly Message[]): (readonly string[])[] {
  const thread = withMessages(threadOf(id, "ana"), messages);
  const exchanges = exchangesOf(thread);
  const found = versionsOf(sessions, id, exchanges, firstOwnExchange(id, exchanges));
  return exchanges.map((one) => (found.get(one.id) ?? []).map((version) => version.id));
}

test("a conversation shows its branches where they part from it", () => {
  const messages = [message("m1", 1, "a", "p"), message("m2", 2, "a", "p"), message("m3", 3, "b", "p")];
  expect(versions("p", messages)).toEqual([[], ["p", "c1", "c2"]]);
});

test("a branch shows its parent and its siblings at the first thing that is its own", () => {
  const messages = [
    message("c1.1", 1, "a", "c1"),
    message("c1.2", 2, "a", "c1"),
    message("x3", 3, "x", "c1"),
  ];
  expect(versions("c1", messages)).toEqual([[], ["p", "c1", "c2"]]);
});
