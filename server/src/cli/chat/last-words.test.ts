import { expect, test } from "vitest";
import type { AdminClient } from "../client.ts";
import { lastWords } from "./last-words.ts";

function clientOf(sessions: readonly object[], messages: readonly object[]): Pick<AdminClient, "call"> {
  const answers = (path: string): unknown => ({ items: path.includes("/messages") ? messages : sessions });
  return { call: async (_method, path) => answers(path) as never };
}

const part = (text: string): readonly object[] => [{ type: "text", text }];

test("a conversation that goes on is named, with its last question and answer", async () => {
  const client = clientOf(
    [
      { id: "s0", key: "k", channel: "api", title: "Not ours" },
      { id: "s1", key: "k", channel: "terminal", title: "Moving to Lviv" },
    ],
    [
      { seq: 8, turnId: "t2", role: "assistant", parts: part("Yes,\nthey did.\n\n- one\n- two\u001b[2J") },
      { seq: 7, turnId: "t1", role: "assistant", parts: part("An answer that came late.") },
      { seq: 6, turnId: "t2", role: "user", parts: part("did the mover write back?\u001b[2J") },
    ],
  );

  const lines = (await lastWords(client, { agentId: "ana", session: "k" }, 40))?.split("\n");

  expect(lines).toEqual([
    'You go on with "Moving to Lviv". /new begins another.',
    "> did the mover write back?",
    "Yes,",
    "they did.",
    "",
    "- one",
    "…",
  ]);
});

test("a new conversation has nothing to go on with", async () => {
  expect(await lastWords(clientOf([], []), { agentId: "ana", session: "k" }, 40)).toBeUndefined();
});
