/** Real processes of one Troupe that die, or stand still. */
import { findPostgres, NO_NATS, NO_POSTGRES, startNatsServer } from "@troupe/testing";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Member } from "../crash/member.ts";
import { type KilledStage, openKilledStage } from "./killed-stage.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const WAIT = { timeout: 60_000, interval: 25 };
/** A lease of 6 s and a sweep every 2 s, and as much again for a machine with other work. */
const TAKEOVER_WITHIN_MS = 16_000;

const nats = (await findPostgres()) === undefined ? undefined : await startNatsServer();
const lacking = nats === undefined ? `${NO_POSTGRES}; ${NO_NATS}` : undefined;
if (lacking !== undefined) console.info(`Left out: ${lacking}`);
afterAll(() => nats?.[Symbol.asyncDispose]());

describe.skipIf(nats === undefined)("processes that die", () => {
  let stage: KilledStage;
  beforeEach(async () => {
    if (nats === undefined) throw new Error("There is no NATS server.");
    stage = await openKilledStage(nats);
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  const ofOwner = (members: readonly Member[], owner: string | undefined): Member => {
    const found = members.find(({ processId }) => processId === owner);
    if (found === undefined) throw new Error(`No process is ${owner}.`);
    return found;
  };
  const other = (members: readonly Member[], one: Member): Member =>
    members.find((member) => member !== one) as Member;

  it("gives the running turn of a killed process to another within seconds, and the session with it", async () => {
    const [, ...agents] = await Promise.all([
      stage.start("gateway"),
      stage.start("agent"),
      stage.start("agent"),
    ]);
    const owners: (string | undefined)[] = [];
    for (const n of [1, 2, 3]) owners.push((await stage.turn((await stage.say(`word ${n}`)).turnId)).owner);
    const holder = ofOwner(agents, owners[0]);
    stage.model.setRule(() => ({ hang: "headers" }));
    const asked = stage.model.requests.length;
    const { turnId } = await stage.say("word 4", { wait: false });
    await expect.poll(() => stage.model.requests.length, WAIT).toBe(asked + 1);
    const running = await stage.turn(turnId);
    stage.model.setRule(() => ({ text: "done" }));

    const killedMs = performance.now();
    await holder.kill();
    await expect.poll(async () => (await stage.turn(turnId)).state, WAIT).toBe("replied");
    const tookMs = performance.now() - killedMs;
    const next = await stage.say("word 5");
    const nextTookMs = performance.now() - killedMs - tookMs;

    console.log(
      `taken over ${Math.round(tookMs)} ms after the kill; the next turn took ${Math.round(nextTookMs)} ms`,
    );
    expect(new Set(owners).size).toBe(1);
    expect(running).toMatchObject({ state: "running", owner: owners[0], attempt: 1 });
    const successor = other(agents, holder).processId;
    expect(await stage.turn(turnId)).toMatchObject({ owner: successor, attempt: 2 });
    expect(tookMs).toBeLessThan(TAKEOVER_WITHIN_MS);
    expect(await stage.turn(next.turnId)).toMatchObject({ owner: successor, attempt: 1, state: "replied" });
    expect(JSON.stringify(stage.model.requests.at(-1)?.body)).toContain("word 4");
  });

  it("passes by a process that stands still, and drops what it was doing when it goes on", async () => {
    const [, ...agents] = await Promise.all([
      stage.start("gateway"),
      stage.start("agent"),
      stage.start("agent"),
    ]);
    const first = await stage.turn((await stage.say("word 1")).turnId);
    const sleeper = ofOwner(agents, first.owner);
    const successor = other(agents, sleeper).processId;
    const late = Promise.withResolvers<void>();
    const asked = stage.model.requests.length;
    stage.model.setRule(() => ({ text: "too late", after: late.promise }));
    const { turnId } = await stage.say("word 2", { wait: false });
    await expect.poll(() => stage.model.requests.length, WAIT).toBe(asked + 1);
    stage.model.setRule(() => ({ text: "in time" }));

    sleeper.pause();
    await expect.poll(async () => (await stage.turn(turnId)).state, WAIT).toBe("replied");
    const next = await stage.say("word 3");
    sleeper.resume();
    late.resolve();
    const last = await stage.say("word 4");

    for (const one of [turnId, next.turnId])
      expect(await stage.turn(one)).toMatchObject({ state: "replied", owner: successor });
    // Both are there again, and whoever is quicker takes it.
    expect((await stage.turn(last.turnId)).state).toBe("replied");
    expect((await stage.turn(turnId)).attempt).toBe(2);
    const prompt = JSON.stringify(stage.model.requests.at(-1)?.body);
    expect(prompt).toContain("in time");
    expect(prompt).not.toContain("too late");
    expect(sleeper.falls).toEqual([]);
  });
});
