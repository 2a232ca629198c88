import type { InboundMessage } from "@troupe/contracts";
import { createLogRecorder } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withPersons } from "../../server/src/app/person-stores.ts";
import { createMetrics } from "../../server/src/kit/index.ts";
import { createMemoryModule, createPersonBook } from "../../server/src/memory/index.ts";
import { endOf, NEVER, openStage, promptOf, type Stage, type StagedProcess } from "./stage.ts";

/** One person on two channels, as far as they prove it. */

const CODE = /[0-9A-Z]{4}-[0-9A-Z]{4}/;
const NORTH = { channel: "north", sessionKey: "n", peerId: "zoe", audience: ["north/zoe"] };
const SOUTH = { channel: "south", sessionKey: "s", peerId: "7", audience: ["south/7"] };
const OTHER = { channel: "south", sessionKey: "o", peerId: "8", audience: ["south/8"] };
const GROUP = { channel: "south", sessionKey: "g", peerId: "g", audience: ["south/7", "south/8"] };

let stage: Stage;
let one: StagedProcess;
beforeEach(async () => {
  stage = await openStage();
  one = await open("one");
});
afterEach(() => stage.close());

function open(id: string): Promise<StagedProcess> {
  const { clock, stores } = stage;
  const about = { clock, logger: createLogRecorder() };
  const people = createPersonBook({ ...about, persons: stores.persons });
  const around = (own: typeof stores) => withPersons(own, people);
  const { search, memories } = around(stores);
  return stage.process(id, {
    people,
    around,
    modules: [createMemoryModule({ ...about, search, memories, metrics: createMetrics() })],
  });
}

async function said(text: string, where: Partial<InboundMessage>, by = one): Promise<string> {
  const { turnId } = await by.say(text, where);
  await stage.stores.search.indexNew(100, { signal: NEVER });
  return endOf(by.events, turnId)?.text ?? "";
}

const codeFor = async (where: Partial<InboundMessage>): Promise<string> =>
  CODE.exec(await said("/link", where))?.[0] ?? "";

/** Whether what was told in the north is shown to the model where it is asked for. */
async function isKnown(where: Partial<InboundMessage>, by = one): Promise<boolean> {
  await said("Where is the key of the boathouse?", where, by);
  return promptOf(stage, stage.model.requests.length - 1)
    .join("\n")
    .includes("flowerpot");
}

const tellNorth = () => said("The key of the boathouse is under the flowerpot.", NORTH);

test("without a proof nothing is shared, whoever has the same name", async () => {
  await tellNorth();

  expect(await isKnown(SOUTH)).toBe(false);
  expect(await isKnown({ ...SOUTH, sessionKey: "z", peerId: "zoe", audience: ["south/zoe"] })).toBe(false);
  expect(await isKnown({ ...NORTH, sessionKey: "later" })).toBe(true);
});

test("a code told on one channel and typed on the other links them, both ways, and undo splits them again", async () => {
  await tellNorth();
  const code = await codeFor(NORTH);

  const done = await said(`/link ${code.toLowerCase().replace("-", " ")}`, SOUTH);
  const whileLinked = [await isKnown(SOUTH), await isKnown(OTHER), await isKnown(GROUP)];
  const undone = await said("/link undo", NORTH);

  expect(done).toContain("north/zoe");
  expect(whileLinked).toEqual([true, false, false]);
  expect(undone).toContain("south/7");
  expect(await isKnown({ ...SOUTH, sessionKey: "afterwards" })).toBe(false);
});

test("another process shares what is linked, and no more once it is undone", async () => {
  await tellNorth();
  const two = await open("two");
  await said(`/link ${await codeFor(NORTH)}`, SOUTH);

  expect(await isKnown(SOUTH, two)).toBe(true);

  await said("/link undo", SOUTH, two);
  expect(await isKnown({ ...SOUTH, sessionKey: "afterwards" }, two)).toBe(false);
});

test("a code works once, for ten minutes, and not where it was told", async () => {
  await tellNorth();
  const code = await codeFor(NORTH);
  expect(await said(`/link ${code}`, NORTH)).toMatch(/told to you here/);
  await said(`/link ${code}`, SOUTH);
  expect(await said(`/link ${code}`, OTHER)).toMatch(/no such code/);
  expect(await isKnown(OTHER)).toBe(false);

  const late = await codeFor(NORTH);
  await stage.clock.advance(10 * 60_000);
  expect(await said(`/link ${late}`, OTHER)).toMatch(/no such code/);
});

test("no code is told or taken where somebody else reads", async () => {
  const inGroup = await said("/link", GROUP);
  const code = await codeFor(NORTH);
  const typed = await said(`/link ${code}`, GROUP);

  expect(inGroup).not.toMatch(CODE);
  expect(typed).toMatch(/in private/);
  expect(await stage.stores.persons.open("default", 5, { signal: NEVER })).toEqual([]);
});

test("what the other name told is listed, explained and forgotten here while they are linked", async () => {
  const told = "The key of the boathouse is under the flowerpot.";
  await said(`/remember ${told}`, NORTH);
  const before = [await said("/memory", SOUTH), await said(`/why ${told}`, SOUTH)];
  await said(`/link ${await codeFor(NORTH)}`, SOUTH);

  const explained = await said(`/why ${told}`, SOUTH);
  const inGroup = [await said(`/why ${told}`, GROUP), await said(`/forget ${told}`, GROUP)];
  const forgotten = await said(`/forget ${told}`, SOUTH);

  for (const answer of [...before, ...inGroup]) expect(answer).not.toContain("note:");
  expect(explained).toMatch(/#\w{6} 2026-11-20, note: The key[\s\S]*\/remember The key/);
  expect(forgotten).toBe(`I have forgotten: ${told}`);
  expect(await said("/memory", NORTH)).not.toContain("boathouse");
});

test("what the other name told long ago is forgotten by its sign, and no more once they are split", async () => {
  const { memories, unit } = stage.stores;
  const of = { spaceId: "default", agentId: "ana", audience: ["north/zoe"], turnId: "t", recordedAt: 5 };
  const all = Array.from({ length: 450 }, (_, n) =>
    memories.put({ ...of, id: `m${n}-${String(n).padStart(6, "0")}`, text: `Stone ${n} lies there.` }),
  );
  await unit.commit(all, { signal: NEVER });
  await said(`/link ${await codeFor(NORTH)}`, SOUTH);

  const first = await said("/forget #000003", SOUTH);
  await said("/link undo", SOUTH);
  const second = await said("/forget #000004", SOUTH);

  expect(first).toBe("I have forgotten: Stone 3 lies there.");
  expect(second).toBe("I remember nothing of that kind, so nothing was forgotten.");
});

test("what stands behind the instructions is the other name's no more as soon as they are split", async () => {
  one.supervisor.start();
  await said("/remember My boat is called Albatross.", NORTH);
  await said(`/link ${await codeFor(NORTH)}`, SOUTH);
  const shown = async (): Promise<boolean> => {
    await said("hello", SOUTH);
    return promptOf(stage, stage.model.requests.length - 1)
      .join("\n")
      .includes("Albatross");
  };

  const linked = await shown();
  await said("/link undo", NORTH);

  expect([linked, await shown()]).toEqual([true, false]);
});
