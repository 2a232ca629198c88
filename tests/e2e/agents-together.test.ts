import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentDelivery, Turn, TurnTree } from "@troupe/contracts";
import type { WireRequest } from "@troupe/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** Agents among themselves through the real ports: a model on the wire, the store on disk, the real clock. */

const { signal } = new AbortController();
const WITHIN = { timeout: 30_000, interval: 20 };
const ASKED = Array.from({ length: 20 }, (_, n) => `a${n}`);
const GUARD = 6;
const STOP_MS = 2_000;

let home: ServedHome;
beforeAll(async () => {
  home = await serveHome(
    `agents: { loopGuard: { max: ${GUARD}, windowMinutes: 30 }, maxDepth: 16, maxHops: 100 }\n`,
  );
  const folder = join(home.serving.home.path, "agents");
  const ids = ["ana", "ben", "asker", ...ASKED];
  for (const id of ids)
    writeFileSync(
      join(folder, `${id}.yaml`),
      `id: ${id}\nname: ${id.toUpperCase()}\ninstructions: Be kind.\ndelegates: ["*"]\nacceptsFrom: ["*"]\n`,
    );
  await home.serving.troupe.reloader.reload();
  home.model.setRule(answerTo);
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

let calls = 0;
function call(name: string, input: object) {
  calls += 1;
  return { toolCalls: [{ callId: `call-${calls}`, name, arguments: JSON.stringify(input) }] };
}

/** ANA and BEN greet each other whenever somebody greets them; everyone else thinks for ever. */
function answerTo(request: WireRequest) {
  const head = request.messages.find(({ role }) => role === "system")?.content ?? "";
  const name = /Your name is (\w+)\./.exec(head)?.[1] ?? "";
  const last = request.messages.at(-1);
  if (last?.role === "tool") return { text: `Done: ${last.content ?? ""}` };
  if (last?.content === "ask all of them") {
    return call("ask_agents", {
      questions: ASKED.map((agent) => ({ agent, question: "Why?" })),
      wait: true,
    });
  }
  if (name === "ANA") return call("send_to_agent", { agent: "ben", text: "Hello!" });
  if (name === "BEN") return call("send_to_agent", { agent: "ana", text: "Hello!" });
  return { hang: "first-token" as const };
}

async function http(method: string, path: string, body?: unknown) {
  const response = await fetch(`${home.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${home.key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects.
  return (await response.json()) as any;
}

const below = async (rootTurnId: string): Promise<readonly Turn[]> =>
  (await home.serving.troupe.stores.turns.list({ spaceId: "default", rootTurnId, limit: 200 }, { signal }))
    .items;

const sentFor = async (rootTurnId: string): Promise<readonly AgentDelivery[]> =>
  (
    await home.serving.troupe.stores.agentDeliveries.list({ spaceId: "default", limit: 200 }, { signal })
  ).items.filter((one) => one.rootTurnId === rootTurnId);

test("two agents that greet each other for ever stop within the guard, and the tree of the turn shows all of it", async () => {
  const { turnId } = await http("POST", "/api/agents/ana/messages", {
    text: "greet ben for ever",
    session: "greet",
  });
  await vi.waitFor(async () => {
    expect((await sentFor(turnId)).filter(({ state }) => state === "suppressed")).toHaveLength(1);
  }, WITHIN);

  expect(await below(turnId)).toHaveLength(GUARD);
  await vi.waitFor(async () => {
    let tree = (await http("GET", `/api/turns/${turnId}`)).caused as TurnTree | TurnTree["turns"][number];
    for (let depth = 0; depth < GUARD; depth++) {
      expect(tree.messages).toMatchObject([
        { kind: "message", state: "done", to: depth % 2 === 0 ? "ben" : "ana" },
      ]);
      expect(tree.turns).toHaveLength(1);
      tree = tree.turns[0] as TurnTree["turns"][number];
    }
    expect(tree.messages).toMatchObject([
      { state: "suppressed", reason: expect.stringContaining("6 times") },
    ]);
  }, WITHIN);
  const [last] = await below(turnId);
  const { origin } = await http("GET", `/api/turns/${last?.id}`);
  expect(origin.above.map((turn: { turnId: string }) => turn.turnId)[0]).toBe(turnId);
  expect(origin.above).toHaveLength(GUARD);
  expect(origin.from).toMatchObject({ agentId: "ben", kind: "message" });
});

test("a person's stop ends a fan-out of twenty in less than two seconds", async () => {
  const asking = http("POST", "/api/agents/asker/messages", { text: "ask all of them", session: "fan" });
  let turnId = "";
  await vi.waitFor(async () => {
    const { items } = await http("GET", "/api/turns?state=running");
    turnId = items.find(({ agentId }: Turn) => agentId === "asker")?.id ?? "";
    const running = (await below(turnId)).filter(({ state }) => state === "running");
    expect(running).toHaveLength(ASKED.length);
  }, WITHIN);

  const from = performance.now();
  await http("POST", `/api/turns/${turnId}/cancel`, {});
  await vi.waitFor(async () => {
    const states = (await below(turnId)).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(["cancelled"]));
  }, WITHIN);
  const tookMs = performance.now() - from;

  expect(tookMs).toBeLessThan(STOP_MS);
  await asking;
  await vi.waitFor(async () => {
    expect((await sentFor(turnId)).every(({ state }) => state === "cancelled")).toBe(true);
  }, WITHIN);
});
