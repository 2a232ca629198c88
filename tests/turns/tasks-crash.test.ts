import { textOf } from "@troupe/contracts";
import { expect, test } from "vitest";
import { createDependantsHandler, createModuleTasks } from "../../server/src/modules/index.ts";
import { checklist } from "../modules/checklist.ts";
import { LEASE_MS, messagesOf, NEVER, openStage, type ProcessOptions, type Stage } from "./stage.ts";

/** A module with tasks that wait for one another, callbacks and a tool, whose process stops before any one of its commits. */

const options = { signal: NEVER };
const SAID = ["plan: pack > call > leave", "done: pack", "mark: call", "hello"];
/** Long enough for the sweeps that find what a stopped process left. */
const WHILE_MS = 12_000;

/** The whole conversation; before its `nth` commit the first process stops for good, and a second one goes on. */
async function play(stage: Stage, nth: number): Promise<number> {
  const { clock, stores } = stage;
  const module = checklist({ stores, tasks: createModuleTasks({ ...stores, clock }) });
  const { tools = [], effects = [] } = module;
  const whole: ProcessOptions = {
    ...{ modules: [module], builtin: tools, deadlineMs: 600_000 },
    effectHandlers: [createDependantsHandler({ ...stores, clock }), ...effects],
  };
  // The first one is the lease that it begins with.
  let commits = -1;
  const stops = (): Promise<void> => (++commits < nth ? Promise.resolve() : new Promise(() => undefined));
  const one = await stage.process("one", { ...whole, beforeCommit: stops });
  one.supervisor.start();
  let current = one;
  for (const [n, text] of SAID.entries()) {
    const platformId = `m-${n}`;
    const sending = current.send(text, { platformId });
    await clock.advance(WHILE_MS);
    if (current !== one || commits < nth) {
      await sending;
      continue;
    }
    await clock.advance(LEASE_MS);
    current = await stage.process("two", whole);
    current.supervisor.start();
    await clock.advance(WHILE_MS);
    // Its sender may never have been told that it was taken, so it comes again.
    await current.send(text, { platformId });
    await clock.advance(WHILE_MS);
  }
  return commits;
}

/** All that is kept in the end. */
async function kept({ stores }: Stage) {
  const states = ["active", "blocked", "archived"] as const;
  const tasks = await stores.moduleInstances.list({ spaceId: "default", states }, options);
  const memories = await stores.memories.list(
    { spaceId: "default", agentId: "ana", readers: undefined },
    options,
  );
  const open = await stores.effects.list(
    { spaceId: "default", states: ["pending", "running", "dead", "parked"] },
    options,
  );
  const { items: sessions } = await stores.sessions.list({ spaceId: "default" }, options);
  const messages = await Promise.all(sessions.map(({ id }) => messagesOf({ stores } as Stage, id)));
  return {
    tasks: tasks.items.map(({ title, state, outcome }) => `${title}: ${outcome ?? state}`).toSorted(),
    memories: memories.items.map(({ text }) => text).toSorted(),
    unfinished: open.items.map(({ kind, state }) => `${kind} ${state}`),
    said: messages.flat().map(({ role, parts }) => `${role}: ${textOf(parts)}`),
  };
}

const WANTED = {
  tasks: ["call: done", "leave: active", "pack: done"],
  memories: ["call: can begin", "call: done", "leave: can begin", "pack: can begin", "pack: done"],
  unfinished: [],
  said: SAID.flatMap((text) => [`user: ${text}`, "assistant: Good."]),
};

const openPlayed = () =>
  openStage({
    rule: ({ messages }) => {
      const title = /^mark: (.+)$/.exec(messages.at(-1)?.text ?? "")?.[1];
      if (title === undefined) return { text: "Good." };
      return { calls: [{ callId: "c", name: "finish_task", arguments: JSON.stringify({ title }) }] };
    },
  });

test("tasks, what waits for them and their callbacks end the same wherever the process stops", async () => {
  let stoppedAt = 0;
  for (let nth = 1; ; nth++) {
    const stage = await openPlayed();
    try {
      const commits = await play(stage, nth);
      expect(await kept(stage), `stopped before commit ${nth}`).toEqual(WANTED);
      // It came to its end before that commit.
      if (commits < nth) break;
      stoppedAt = nth;
    } finally {
      await stage.close();
    }
  }
  expect(stoppedAt).toBeGreaterThan(12);
}, 180_000);
