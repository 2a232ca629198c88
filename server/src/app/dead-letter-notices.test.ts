import type { NewNotice } from "@troupe/contracts";
import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { deadLetterNotices, type GivenUp } from "./dead-letter-notices.ts";

const reply: GivenUp = {
  ...{ source: "delivery", kind: "delivery.telegram", state: "dead", to: "chat-7" },
  error: "Blocked by the user.",
};

function stage() {
  const clock = createManualClock();
  const posted: NewNotice[] = [];
  const tell = deadLetterNotices({ post: (notice) => void posted.push(notice) }, clock);
  return { clock, posted, tell };
}

test("a thousand of one kind are one notice an hour, and another kind or state is another", async () => {
  const { clock, posted, tell } = stage();

  for (let n = 0; n < 1_000; n++) tell({ ...reply, to: `chat-${n}` });
  tell({ ...reply, kind: "delivery.sms" });
  tell({ ...reply, state: "unknown" });
  await clock.advance(3_600_000);
  tell(reply);

  expect(posted.map(({ title }) => title)).toEqual([
    "A reply could not be delivered to chat-0 on telegram",
    "A reply could not be delivered to chat-7 on sms",
    "A reply may not have reached chat-7 on telegram",
    "A reply could not be delivered to chat-7 on telegram",
  ]);
  expect(new Set(posted.map(({ key }) => key)).size).toBe(4);
  expect(posted.every(({ ownerId }) => ownerId === "operator")).toBe(true);
});

test("a notice says why, what becomes of it and which command shows it, and no secret", () => {
  const { posted, tell } = stage();

  tell({ ...reply, error: "Bearer abcdefgh12345 was\nrefused." });

  expect(posted[0]?.text).toBe(
    [
      "> Bearer [redacted] was refused.",
      "It is not tried again by itself. See what there is of this kind, why, and what can be done:",
      "    ./troupe dlq list --kind delivery.telegram",
      "Further ones of this kind are not told one by one within the hour.",
    ].join("\n\n"),
  );
});

test.each<readonly [GivenUp, string]>([
  [
    { ...reply, source: "effect", kind: "storyline.summary" },
    "Work behind a reply was given up: storyline.summary",
  ],
  [{ ...reply, source: "effect", kind: "x.y", state: "parked" }, "Work waits for a newer version: x.y"],
  [
    { ...reply, source: "agent-message", kind: "agent.message", to: "ben" },
    "A message to the agent ben was given up",
  ],
  [{ ...reply, source: "turn", kind: "turn", to: undefined }, "A turn was given up"],
])("tells what was given up: %j", (given, title) => {
  const { posted, tell } = stage();

  tell(given);

  expect(posted.map((notice) => notice.title)).toEqual([title]);
});
