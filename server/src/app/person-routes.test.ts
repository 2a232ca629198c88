import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import type { AdminRequest } from "../gateway/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { personRoutes, type ShownPerson } from "./person-routes.ts";

const options = { signal: new AbortController().signal };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const clock = createManualClock();
  const deps = {
    ...{ clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() },
  };
  const opened = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...deps });
  closers.push(opened.close);
  let changes = 0;
  const people = { changing: () => void changes++ };
  const routes = personRoutes({ stores: opened.stores, people, ...deps });
  const call = async <Answer>(path: string, body?: unknown, name = ""): Promise<Answer> => {
    const request: AdminRequest = {
      ...{ params: { name }, query: new URLSearchParams(), ...options, json: async () => body },
      principal: { id: "operator", kind: "operator", spaceId: "default" },
    };
    return (await routes.find((one) => one.path === `/admin/${path}`)?.handle(request)) as Answer;
  };
  return { call, changes: () => changes };
}

it("joins peers into people, shows them, and splits them where an operator says so", async () => {
  const { call, changes } = setUp();
  const merge = (...names: readonly string[]) => call<ShownPerson>("persons/merge", { names });
  await merge("north/zoe", "south/7");
  const all = await merge("south/7", "mail/z@x");
  await merge("mail/z@x", "north/zoe");

  expect(all.names).toEqual(["mail/z@x", "north/zoe", "south/7"]);
  expect(all.links.map(({ proof }) => proof)).toEqual(["operator", "operator"]);
  expect((await call<readonly ShownPerson[]>("persons")).map(({ names }) => names)).toEqual([all.names]);

  const mail = all.links.find(({ names }) => names.includes("mail/z@x"));
  expect(await call("persons/undo", { of: mail?.id })).toEqual({ ended: 1 });
  expect(await call("persons/undo", { of: mail?.id })).toEqual({ ended: 0 });
  expect((await call<ShownPerson>("persons/:name", undefined, "north/zoe")).names).toEqual([
    "north/zoe",
    "south/7",
  ]);
  const split = await call<ShownPerson>("persons/:name", undefined, "mail/z@x");
  expect([split.names, split.links.map(({ endedAt }) => endedAt !== undefined)]).toEqual([
    ["mail/z@x"],
    [true],
  ]);
  // Two merges that joined, and one undo that split: each is told before it is kept, and once it is.
  expect(changes()).toBe(6);
});

it("says what is missing", async () => {
  const { call } = setUp();

  await expect(call("persons/merge", { names: ["a", "a"] })).rejects.toThrow("two different peers");
  await expect(call("persons/undo", {})).rejects.toThrow("the id of a link");
  await expect(call("persons/:name", undefined, "nobody")).rejects.toThrow('Nobody called "nobody"');
});
