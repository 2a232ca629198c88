import { createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import type { AdminClient } from "../client.ts";
import { createNews } from "./news.ts";

const WHERE = { agentId: "ana", session: "k" };

interface Line {
  readonly seq: number;
  readonly turnId: string;
  readonly role: string;
  readonly text: string;
}

function stage(begun: boolean) {
  const clock = createManualClock();
  const lines: Line[] = [];
  let hasSession = begun;
  let isAway = false;
  const client: Pick<AdminClient, "call"> = {
    async call(_method, path) {
      if (isAway) throw new Error("away");
      const sessions = hasSession ? [{ id: "s1", key: "k", channel: "terminal" }] : [];
      const messages = lines.map(({ text, ...line }) => ({ ...line, parts: [{ type: "text", text }] }));
      return { items: path.includes("/messages") ? messages.toReversed() : sessions } as never;
    },
  };
  return {
    news: createNews({ client, clock }),
    say: (turnId: string, role: string, text: string) =>
      void lines.push({ seq: lines.length + 1, turnId, role, text }),
    begin() {
      hasSession = true;
    },
    away(is: boolean) {
      isAway = is;
    },
    async pass() {
      await clock.settle();
      await clock.advance(1_600);
      await clock.settle();
    },
  };
}

test("what was there before is not told, what comes by itself is, and own turns are not", async () => {
  const { news, say, pass } = stage(true);
  say("t0", "assistant", "An old answer.");
  const told: string[] = [];
  using _watching = news.watch(
    () => WHERE,
    (texts) => told.push(...texts) > 0,
  );
  await pass();
  say("t1", "user", "Scheduled: stretch");
  say("t1", "assistant", "Reminder: stretch");
  say("t2", "user", "hello");
  say("t2", "assistant", "Hi.");
  news.own("t2");
  await pass();
  await pass();

  expect(told).toEqual(["Reminder: stretch"]);
});

test("of a conversation that begins later everything is new", async () => {
  const { news, say, begin, pass } = stage(false);
  const told: string[] = [];
  using _watching = news.watch(
    () => WHERE,
    (texts) => told.push(...texts) > 0,
  );
  await pass();
  begin();
  say("t1", "assistant", "Reminder: stretch");
  await pass();

  expect(told).toEqual(["Reminder: stretch"]);
});

test("what was not taken is told again, and an absence is waited out", async () => {
  const { news, say, away, pass } = stage(true);
  const told: string[] = [];
  let isBusy = true;
  using _watching = news.watch(
    () => WHERE,
    (texts) => {
      if (isBusy) return false;
      told.push(...texts);
      return true;
    },
  );
  await pass();
  say("t1", "assistant", "Reminder: stretch");
  await pass();
  isBusy = false;
  away(true);
  await pass();
  away(false);
  await pass();
  await pass();

  expect(told).toEqual(["Reminder: stretch"]);
});
