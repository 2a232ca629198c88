import type { InboundMessage } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MINUTE, openWorking, type Working } from "./job-stage.ts";
import { messagesOf, NEVER, openStage, type Stage } from "./stage.ts";

/** Who hears of a job: those who read along when it was written, whoever comes later. */

const options = { signal: NEVER };

let stage: Stage;
let one: Working;
beforeEach(async () => {
  stage = await openStage();
  one = await openWorking(stage, "one");
});
afterEach(() => stage.close());

const group = (...audience: string[]) => ({ peerId: "group", audience, sessionKey: "group" });

/** What a tool answers, called where somebody says please. */
async function ask(name: string, input: object, where: Partial<InboundMessage>): Promise<string> {
  stage.model.enqueue({ calls: [{ callId: "c-1", name, arguments: JSON.stringify(input) }] });
  stage.model.enqueue({ text: "Done." });
  await one.process.say("please", where);
  return stage.model.requests.at(-1)?.messages.at(-1)?.text ?? "";
}

test("the jobs of one person are neither listed, changed nor named to another who writes under the same key or channel", async () => {
  const kate = { peerId: "kate", audience: ["kate"], sessionKey: "kate" };
  const max = { peerId: "max", audience: ["max"], sessionKey: "max" };
  const both = { peerId: "both", audience: ["kate", "max"], sessionKey: "both" };
  const surprise = { title: "surprise for max", text: "buy the cake", everyMinutes: 60 };
  await ask("job_create", surprise, kate);

  expect(await ask("job_list", {}, kate)).toContain("surprise for max");
  for (const others of [max, both]) {
    expect(await ask("job_list", {}, others)).not.toContain("surprise");
    expect(await ask("job_cancel", { job: "1" }, others)).not.toContain("surprise");
    expect(await ask("job_create", { ...surprise, title: "surprise for ma" }, others)).not.toContain(
      "for max",
    );
  }
  const { items } = await stage.stores.jobs.list({ spaceId: "default", isOpen: true }, options);
  expect(items.map(({ spec }) => spec.title)).toContain("surprise for max");
});

test("what was scheduled in a group is told neither to nor before somebody who joined later", async () => {
  const party = { title: "party for max", text: "Tell who brings the cake for max.", everyMinutes: 60 };
  const { sessionId } = await one.process.say("hello", group("kate", "ann"));
  await ask("job_create", party, group("kate", "ann"));
  await ask("remind_me", { text: "buy candles for max", inSeconds: 1_800 }, group("kate", "ann"));
  await ask("job_create", { ...party, title: "watch for max", isSilent: true }, group("kate", "ann"));
  expect(await ask("job_list", {}, group("ann", "kate"))).toContain("party for max");

  await one.process.say("hello, max", group("kate", "ann", "max"));
  const asked = stage.model.requests.length;
  await one.pass(62 * MINUTE, 12);

  const said = (await messagesOf(stage, sessionId)).map((message) => textOf(message.parts));
  expect(
    said.filter((text) => text.startsWith("Reminder: something that was asked for here before")),
  ).toHaveLength(2);
  expect(said.filter((text) => /cake|candles|for max/.test(text))).toEqual([]);
  expect(stage.model.requests.length).toBe(asked);
  const max = { peerId: "max", audience: ["max"], sessionKey: "max" };
  for (const where of [max, group("kate", "ann", "max")])
    expect(await ask("job_list", {}, where)).not.toContain("for max");
  const kate = { peerId: "kate", audience: ["kate"], sessionKey: "kate" };
  expect(await ask("job_list", {}, kate)).toContain("party for max");

  // Who stays among those who know of it hears it as before.
  await one.process.say("max has left", group("kate"));
  stage.model.enqueue({ text: "Kate brings the cake." });
  await one.pass(62 * MINUTE, 12);
  expect((await messagesOf(stage, sessionId)).map((message) => textOf(message.parts))).toContain(
    "Kate brings the cake.",
  );
});

test("a job that is written anew is known to those who read along then", async () => {
  await ask(
    "job_create",
    { title: "rent", text: "Ask for the rent.", everyMinutes: 60 },
    group("kate", "ann"),
  );
  await ask("job_update", { job: "rent", text: "Ask ann for 300." }, group("kate"));

  expect(await ask("job_list", {}, group("kate", "ann"))).not.toContain("rent");
  expect(await ask("job_list", {}, group("kate"))).toContain("rent");
});

test("a job that is moved to another time in private is known to those who knew it, and told to them", async () => {
  const { sessionId } = await one.process.say("hello", group("kate", "ann"));
  await ask("remind_me", { text: "call the plumber", inSeconds: 1_800 }, group("kate", "ann"));
  const kate = { peerId: "kate", audience: ["kate"], sessionKey: "kate" };
  await ask("job_update", { job: "plumber", inSeconds: 3_000 }, kate);

  await one.pass(52 * MINUTE, 12);

  const said = (await messagesOf(stage, sessionId)).map((message) => textOf(message.parts));
  expect(said).toContain("Reminder: call the plumber");
});
