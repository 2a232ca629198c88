import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import type { AdminRequest } from "../gateway/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import type { ListedPerson, ShownPerson } from "./people-view.ts";
import { personRoutes } from "./person-routes.ts";

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
  const call = async <Answer>(path: string, body?: unknown, name = "", query = ""): Promise<Answer> => {
    const request: AdminRequest = {
      ...{ params: { name }, query: new URLSearchParams(query), ...options, json: async () => body },
      principal: { id: "operator", kind: "operator", spaceId: "default" },
    };
    return (await routes.find((one) => one.path === `/admin/${path}`)?.handle(request)) as Answer;
  };
  return { ...opened, call, changes: () => changes };
}

it("joins peers into people, shows them, and splits them where an operator says so", async () => {
  const { call, changes } = setUp();
  const merge = (...names: readonly string[]) => call<ShownPerson>("persons/merge", { names });
  await merge("north/zoe", "south/7");
  const all = await merge("south/7", "mail/z@x");
  await merge("mail/z@x", "north/zoe");

  expect(all.names).toEqual(["mail/z@x", "north/zoe", "south/7"]);
  expect(all.links.map(({ proof }) => proof)).toEqual(["operator", "operator"]);
  const listed = await call<{ readonly items: readonly ListedPerson[] }>("persons");
  expect(listed.items.map(({ names }) => names)).toEqual([all.names]);

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
  await expect(call("persons/:name", undefined, "nobody")).rejects.toThrow('Nobody is called "nobody"');
});

/** What is kept of two people in private and of one in a group. */
async function keepTalks({ stores }: ReturnType<typeof setUp>): Promise<void> {
  const session = (id: string, peerId: string, audience: readonly string[], count: number) =>
    stores.sessions.touch({
      ...{ id, spaceId: "default", agentId: "ana", channel: "north", key: id, peerId, ownerId: "north" },
      ...{ audience, stateless: false, at: 1_000, count },
    });
  const message = (
    id: string,
    sessionId: string,
    audience: readonly string[],
    text: string,
    author?: string,
  ) =>
    stores.sessions.append({
      ...{ id, sessionId, spaceId: "default", turnId: `turn of ${id}`, turnSeq: "same", role: "user" },
      ...{ parts: [{ type: "text", text }], audience, outcome: "ok", createdAt: 1_000, fromLast: 0 },
      ...(author === undefined ? {} : { author: { peerId: author } }),
    });
  const group = ["north/max", "north/zoe"];
  const memory = (id: string, audience: readonly string[], change: object) =>
    stores.memories.put({
      ...{ id, spaceId: "default", agentId: "ana", audience, text: `text of ${id}`, turnId: "t" },
      ...{ recordedAt: 1_000, ...change },
    });
  await stores.unit.commit(
    [
      session("zoe", "zoe", ["north/zoe"], 12),
      message("m-1", "zoe", ["north/zoe"], "My name is Zoe."),
      session("group", "room", group, 2),
      message("m-2", "group", group, "Said by zoe.", "north/zoe"),
      session("group", "room", group, 1),
      message("m-3", "group", group, "Said by max.", "north/max"),
      stores.persons.shown({ spaceId: "default", name: "north/zoe", shownName: "Zoe K.", at: 1 }),
      memory("r-1", ["north/zoe"], { slot: "north/zoe name", attributes: { value: "Zoe" } }),
      memory("r-2", ["north/zoe"], {
        ...{ kind: "relationship", attributes: { person: "Petro", knows: "wooden boats" } },
      }),
      memory("r-3", ["north/max"], {
        ...{ kind: "relationship", attributes: { person: "Zoe", relation: "boss" } },
      }),
    ],
    options,
  );
}

it("shows what is known of somebody, as far as they may be told, and lists everybody page by page", async () => {
  const house = setUp();
  await keepTalks(house);
  const { call } = house;

  const zoe = await call<ShownPerson>("persons/:name", undefined, "north/zoe");

  expect(zoe).toMatchObject({
    ...{ names: ["north/zoe"], shownNames: ["Zoe K."], aliases: ["Zoe"], familiarity: "known", messages: 12 },
    agents: [{ agentId: "ana", sessions: 1, firstAt: 1_000 }],
    spoken: [{ sessionId: "group", messages: 1 }],
    people: [{ person: "Petro", knows: ["wooden boats"], relations: [], agentId: "ana" }],
  });
  const page = (query: string) =>
    call<{ readonly items: readonly ListedPerson[]; readonly next?: string }>(
      "persons",
      undefined,
      "",
      query,
    );
  const first = await page("limit=1");
  expect(first.items.map(({ names }) => names)).toEqual([["north/room"]]);
  const second = await page(`limit=1&cursor=${first.next}`);
  expect(second.items).toMatchObject([{ names: ["north/zoe"], familiarity: "known", agents: ["ana"] }]);
  expect((await page("linked=true")).items).toEqual([]);
});

it("lists those with several names page by page, however many others there are before them", async () => {
  const { call, stores } = setUp();
  const shown = (name: string) => stores.persons.shown({ spaceId: "default", name, shownName: "A", at: 1 });
  // Whoever chose a name chose nothing of what an operator types.
  await stores.unit.commit([shown("a/1; ls"), shown("a/2\u001b[31m"), shown("a/3")], options);
  for (const names of [
    ["b/1", "c/1"],
    ["b/2", "c/2"],
  ])
    await call("persons/merge", { names });
  const page = (query: string) =>
    call<{ readonly items: readonly ListedPerson[]; readonly next?: string }>(
      "persons",
      undefined,
      "",
      query,
    );

  const first = await page("linked=true&limit=1");
  const second = await page(`linked=true&limit=1&cursor=${first.next}`);
  expect([first, second].map(({ items }) => items.map(({ names }) => names))).toEqual([
    [["b/1", "c/1"]],
    [["b/2", "c/2"]],
  ]);
  expect(second.next).toBeUndefined();

  const all: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const { items, next }: Awaited<ReturnType<typeof page>> = await page(`limit=1${cursor}`);
    expect(items.length).toBe(next === undefined ? 0 : 1);
    expect(next ?? "none").toMatch(/^[\w-]+$/);
    all.push(...items.map(({ names }) => names.join(" = ")));
    cursor = next === undefined || all.length > 9 ? undefined : `&cursor=${next}`;
  }
  expect(all).toEqual(["a/1; ls", "a/2\u001b[31m", "a/3", "b/1 = c/1", "b/2 = c/2"]);
});

it("says who can be asked about something, and who may be told that", async () => {
  const house = setUp();
  await keepTalks(house);

  const found = await house.call("persons", undefined, "", "knows=boat");

  expect(found).toEqual({
    items: [
      {
        ...{ person: "Petro", knows: ["wooden boats"], agentId: "ana", memoryId: "r-2" },
        audience: ["north/zoe"],
      },
    ],
  });
  expect(await house.call("persons", undefined, "", "knows=trains")).toEqual({ items: [] });
});

it("exports what somebody told and may be told, of groups what they wrote, and nothing that others told of them", async () => {
  const house = setUp();
  await keepTalks(house);

  const answer = await house.call<Response>("persons/:name/export", undefined, "north/zoe");
  const lines = (await answer.text()).trimEnd().split("\n");

  expect(lines.map((line) => Object.keys(JSON.parse(line) as object)[0])).toEqual([
    ...["person", "memory", "memory", "session", "message", "message", "end"],
  ]);
  expect(lines.at(-1)).toBe('{"end":{"memories":2,"sessions":1,"messages":2}}');
  const text = lines.join("\n");
  expect(text).toContain("Said by zoe.");
  expect(text).not.toMatch(/Said by max|r-3|boss/);
});

it("exports what somebody wrote in each of very many groups", async () => {
  const { call, stores } = setUp();
  const audience = ["north/max", "north/zoe"];
  const about = { spaceId: "default", audience } as const;
  const writes = Array.from({ length: 201 }, (_, n) => [
    stores.sessions.touch({
      ...{ ...about, id: `group ${n}`, agentId: "ana", channel: "north", key: `${n}`, peerId: `room ${n}` },
      ...{ ownerId: "north", stateless: false, at: 1_000, count: 1 },
    }),
    stores.sessions.append({
      ...{ ...about, id: `m-${n}`, sessionId: `group ${n}`, turnId: `t-${n}`, turnSeq: "same", role: "user" },
      ...{ parts: [{ type: "text", text: `Said ${n}.` }], outcome: "ok", createdAt: 1_000, fromLast: 0 },
      author: { peerId: "north/zoe" },
    }),
  ]);
  await stores.unit.commit(writes.flat(), options);

  const answer = await call<Response>("persons/:name/export", undefined, "north/zoe");

  expect((await answer.text()).trimEnd().split("\n").at(-1)).toBe(
    '{"end":{"memories":0,"sessions":0,"messages":201}}',
  );
});

it("splits two names that are linked with one another, and leaves other links", async () => {
  const { call, changes } = setUp();
  for (const names of [
    ["a/1", "b/1"],
    ["b/1", "c/1"],
  ])
    await call("persons/merge", { names });

  expect(await call("persons/split", { names: ["a/1", "c/1"] })).toEqual({ ended: 0 });
  expect(await call("persons/split", { names: ["c/1", "b/1"] })).toEqual({ ended: 1 });

  expect((await call<ShownPerson>("persons/:name", undefined, "b/1")).names).toEqual(["a/1", "b/1"]);
  expect(changes()).toBe(6);
});
