import type { Storyline } from "@troupe/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storylineRoutes } from "../../server/src/app/storyline-routes.ts";
import { createIdGenerator, derivedId } from "../../server/src/kit/index.ts";
import { NEVER, OPERATOR, openStage, type Stage } from "./stage.ts";

const options = { signal: NEVER };

let stage: Stage;
let rung: string[];
beforeEach(async () => {
  rung = [];
  stage = await openStage();
});
afterEach(() => stage.close());

/** What the operator's command gets for a call. */
async function call(method: string, path: string, body?: unknown): Promise<Storyline> {
  const placer = { forgetAll: () => undefined };
  const bus = { publish: (subject: string) => void rung.push(subject) };
  const { stores, clock } = stage;
  const routes = storylineRoutes({ stores, clock, placer, bus, ids: createIdGenerator(clock) });
  for (const route of routes) {
    const names: string[] = [];
    const pattern = route.path.replace(/:(\w+)/g, (_, name: string) => {
      names.push(name);
      return "([^/]+)";
    });
    const found = new RegExp(`^${pattern}$`).exec(path);
    if (route.method !== method || found === null) continue;
    const params = Object.fromEntries(names.map((name, at) => [name, found[at + 1] ?? ""]));
    const query = new URLSearchParams();
    const request = { params, query, principal: OPERATOR, signal: NEVER, json: async () => body };
    return (await route.handle(request)) as Storyline;
  }
  throw new Error(`No route serves ${method} ${path}.`);
}

async function begin(
  text: string,
  sessionKey: string,
  audience: readonly string[],
): Promise<{ line: string; turnId: string }> {
  const one = await stage.process(sessionKey);
  stage.model.enqueue({ text: "Yes." });
  const { sessionId, turnId } = await one.say(text, { sessionKey, audience });
  return { line: derivedId("storyline", sessionId), turnId };
}

const turnsOf = async (id: string): Promise<readonly string[]> =>
  (await stage.stores.storylines.turnsOf(id, 10, options)).map(({ turnId }) => turnId);

test("merging takes all turns along, and the merged one is listed no more", async () => {
  const tea = await begin("I like tea", "a", ["p1"]);
  const green = await begin("Green tea above all", "b", ["p1"]);

  const merged = await call("POST", `/admin/storylines/${green.line}/merge`, { into: tea.line });

  expect(merged.id).toBe(tea.line);
  expect(rung).toEqual(["storylines.changed"]);
  expect([...(await turnsOf(tea.line))].sort()).toEqual([tea.turnId, green.turnId].sort());
  expect(await turnsOf(green.line)).toEqual([]);
  const { items } = await stage.stores.storylines.list({ spaceId: "default" }, options);
  expect(items.map(({ id }) => id)).toEqual([tea.line]);
});

test("a turn is split off and moved back, and the same split again changes nothing", async () => {
  const tea = await begin("I like tea", "a", ["p1"]);
  const path = `/admin/storylines/${tea.line}/split`;

  const own = await call("POST", path, { turnId: tea.turnId, name: "Own" });
  const again = await call("POST", path, { turnId: tea.turnId, name: "Own" });

  expect(again.id).toBe(own.id);
  expect(own.title).toBe("Own");
  expect(await turnsOf(own.id)).toEqual([tea.turnId]);
  await call("POST", `/admin/storylines/${tea.line}/turns`, { turnId: tea.turnId });
  expect(await turnsOf(tea.line)).toEqual([tea.turnId]);
  expect(await turnsOf(own.id)).toEqual([]);
});

test("what was said to some is not merged or moved to where others read", async () => {
  const tea = await begin("I like tea", "a", ["p1"]);
  const group = await begin("Who likes tea?", "b", ["p1", "p2"]);

  await expect(call("POST", `/admin/storylines/${tea.line}/merge`, { into: group.line })).rejects.toThrow(
    "not of the same people",
  );
  await expect(call("POST", `/admin/storylines/${group.line}/turns`, { turnId: tea.turnId })).rejects.toThrow(
    "not of the same people",
  );
  await expect(call("POST", `/admin/storylines/${tea.line}/merge`, { into: tea.line })).rejects.toThrow(
    "a part of itself",
  );
});

test("what is not there is said in one sentence", async () => {
  await expect(call("GET", "/admin/storylines/none")).rejects.toThrow('There is no storyline "none".');
  const tea = await begin("I like tea", "a", ["p1"]);
  await expect(call("PATCH", `/admin/storylines/${tea.line}`, { name: " " })).rejects.toThrow("not empty");
});
