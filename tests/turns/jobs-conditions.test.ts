import type { ModelRequest } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MINUTE, openWorking, type Working } from "./job-stage.ts";
import { inboundOf, NEVER, openStage, type Stage } from "./stage.ts";

/** Conditions of ongoing jobs: judged after each run, and by what those they wait for say in chat. */

const options = { signal: NEVER };

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

/** A model that says which conditions hold, and what it was asked. */
function judging(...answers: string[]) {
  const asked: string[] = [];
  const askSmall = async (request: ModelRequest): Promise<string> => {
    asked.push(request.messages.at(-1)?.text ?? "");
    const answer = answers.shift() ?? "none";
    if (answer === "fail") throw new Error("away");
    return answer;
  };
  return { asked, askSmall };
}

async function waitingJob(one: Working, until: string, title = "Parcel"): Promise<string> {
  const id = await one.make({ title, text: "Ask about it.", everyMinutes: 60, until });
  await one.pass(3_000, 3);
  return id;
}

test("what a person says ends a job by its quoted words, without a model", async () => {
  const { asked, askSmall } = judging();
  const one = await openWorking(stage, "one", { askSmall });
  const id = await waitingJob(one, 'I say "it is here"');

  await one.process.say("not yet");
  await one.pass(1_000, 2);
  expect(await one.job(id)).toMatchObject({
    state: "active",
    reason: 'What it waits for does not hold yet: I say "it is here".',
  });
  const { turnId } = await one.process.say("oh, it is here!");
  await one.pass(1_000, 2);

  expect(await one.job(id)).toMatchObject({
    state: "completed",
    reason: 'What it waited for holds: I say "it is here".',
  });
  const { items } = await stage.stores.inboxItems.list(
    { spaceId: "default", ownerIds: ["operator"], unreadOnly: true, limit: 5 },
    options,
  );
  expect(items).toMatchObject([{ kind: "notice", title: "“Parcel” has ended" }]);
  expect(asked).toEqual([]);
  expect(
    (await stage.stores.effects.ofTurn(turnId, options)).filter(({ kind }) => kind === "job.judge"),
  ).toHaveLength(1);
});

test("quoted words end a job where the person says them: not its list, nor the words that it is asked for in", async () => {
  const one = await openWorking(stage, "one");
  const id = await waitingJob(one, 'I say "it is here"');

  stage.model.enqueue({ text: 'Parcel (active, every hour, until I say "it is here")' });
  await one.process.say("What is scheduled?");
  await one.pass(1_000, 2);
  expect(await one.job(id)).toMatchObject({ state: "active" });

  const input = { title: "Letter", text: "Ask.", everyMinutes: 60, until: 'I say "it came"' };
  const call = { callId: "c1", name: "job_create", arguments: JSON.stringify(input) };
  stage.model.enqueue({ calls: [call] }, { text: "I will." });
  await one.process.say('Ask me each hour, until I say "it came".');
  await one.pass(1_000, 2);
  const jobs = await stage.stores.jobs.list({ spaceId: "default" }, options);
  expect(jobs.items.map(({ spec, state }) => `${spec.title} ${state}`)).toEqual([
    ...["Letter active", "Parcel active"],
  ]);

  const change = { job: "Letter", until: 'I say "it is there"' };
  const changing = { callId: "c2", name: "job_update", arguments: JSON.stringify(change) };
  stage.model.enqueue({ calls: [changing] }, { text: "Until then." });
  await one.process.say('No, until I say "it is there".');
  await one.pass(1_000, 2);
  expect((await stage.stores.jobs.list({ spaceId: "default", isOpen: true }, options)).items).toHaveLength(2);

  await one.process.say("It is there!");
  await one.pass(1_000, 2);
  const { items } = await stage.stores.jobs.list({ spaceId: "default", isOpen: true }, options);
  expect(items.map(({ spec }) => spec.title)).toEqual(["Parcel"]);
});

test("what no rule decides is asked of a small model, all of it once a turn, after the reply", async () => {
  const { asked, askSmall } = judging("2");
  const one = await openWorking(stage, "one", { askSmall });
  const first = await waitingJob(one, "the bill is paid", "Bill");
  const second = await waitingJob(one, "the parcel has arrived", "Parcel");

  await one.process.say("The courier was just here.");
  await one.pass(1_000, 2);

  expect(asked).toHaveLength(1);
  expect(asked[0]?.split("\n")).toEqual([
    ...["Conditions:", "1. the parcel has arrived", "2. the bill is paid", "", "Said:"],
    ...["user: The courier was just here.", "assistant: You said: The courier was just here."],
  ]);
  expect(await one.job(first)).toMatchObject({ state: "completed" });
  expect(await one.job(second)).toMatchObject({ state: "active" });
});

test("somebody for whom nothing waits costs no effect and no question", async () => {
  const { asked, askSmall } = judging("1");
  const one = await openWorking(stage, "one", { askSmall });
  await waitingJob(one, "the parcel has arrived");

  const { turnId } = await one.process.say("The parcel is here.", {
    peerId: "p9",
    audience: ["p9"],
    sessionKey: "s9",
  });
  await one.pass(1_000, 2);

  expect(asked).toEqual([]);
  expect((await stage.stores.effects.ofTurn(turnId, options)).map(({ kind }) => kind)).not.toContain(
    "job.judge",
  );
});

test("whom another key calls by the same name ends nothing, and is not judged", async () => {
  const { asked, askSmall } = judging("1");
  const one = await openWorking(stage, "one", { askSmall });
  const quoted = await waitingJob(one, 'I say "it is here"');
  const judged = await waitingJob(one, "the bill is paid", "Bill");
  const other = { spaceId: "default", kind: "key", id: "key-2" } as const;
  const message = { ...inboundOf("It is here, and paid.", stage.clock.now()), sessionKey: "theirs" };

  const result = await one.process.accept({ ...message, audience: ["key-2/p1"] }, other);
  await one.pass(2_000, 4);

  expect(result.kind).toBe("accepted");
  expect(asked).toEqual([]);
  for (const id of [quoted, judged]) expect(await one.job(id)).toMatchObject({ state: "active" });
});

test("a model that fails or talks decides nothing, and the job goes on", async () => {
  const { askSmall } = judging("fail", "I think number 1 holds!");
  const one = await openWorking(stage, "one", { askSmall });
  const id = await waitingJob(one, "the parcel has arrived");

  await one.process.say("It might be.");
  await one.process.say("It really might be.");
  await one.pass(2_000, 4);

  expect(await one.job(id)).toMatchObject({ state: "active", reason: undefined });
});

test("each run is judged, too, and shows what came of it", async () => {
  const { asked, askSmall } = judging("none", "1");
  const one = await openWorking(stage, "one", { askSmall });
  const id = await waitingJob(one, "the answer is final");
  for (const text of ["Nothing yet.", "That was it."]) stage.model.enqueue({ text });

  await one.pass(61 * MINUTE, 61);
  expect(await one.job(id)).toMatchObject({
    ...{ state: "active", runs: 1 },
    reason: "What it waits for does not hold yet: the answer is final.",
  });
  await one.pass(60 * MINUTE, 60);

  expect(asked).toHaveLength(2);
  expect(await one.job(id)).toMatchObject({
    ...{ state: "completed", runs: 2 },
    reason: "What it waited for holds: the answer is final.",
  });
});
