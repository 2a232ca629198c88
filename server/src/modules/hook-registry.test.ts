import type {
  Agent,
  AgentSpec,
  EffectDraft,
  HookFailure,
  HookTurn,
  ToolCallVerdict,
  ToolCallView,
  TurnEndView,
} from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics, type EffectVersions } from "../kit/index.ts";
import { checkedEffects } from "./effect-drafts.ts";
import { createHookRegistry, MAX_HOOKS_PER_POINT } from "./hook-registry.ts";

const signal = new AbortController().signal;

const spec: AgentSpec = { id: "ana", name: "Ana", model: "default", instructions: "" };
const agent: Agent = { spaceId: "default", revision: 1, spec };
const turn: HookTurn = {
  ...{
    turnId: "t",
    spaceId: "default",
    sessionId: "s",
    agent,
    trigger: "chat",
    peerId: "p",
    audience: ["p"],
  },
  attempt: 1,
};
const call: ToolCallView = {
  turn,
  principal: { spaceId: "default", kind: "operator", id: "operator" },
  ...{ callId: "c", tool: "note", toolKind: "pure", arguments: '{"n":1}' },
};

function stage(effectVersions?: EffectVersions) {
  const clock = createManualClock();
  const log = createLogRecorder();
  const failures: HookFailure[] = [];
  const parts = { clock, logger: log, metrics: createMetrics() };
  const registry = createHookRegistry({ ...parts, ...(effectVersions && { effectVersions }) });
  const options = { signal, onFailure: (failure: HookFailure) => void failures.push(failure) };
  return { clock, log, failures, registry, options };
}

it("runs hooks by priority, and equal ones in the order in which they came", async () => {
  const { registry, options } = stage();
  const ran: string[] = [];
  for (const [name, priority] of [
    ["late", 9],
    ["first", 0],
    ["second", 0],
    ["early", -1],
  ] as const) {
    registry.add("m", { point: "turn_start", name, priority, run: () => void ran.push(name) as undefined });
  }

  await registry.tell("turn_start", turn, options);

  expect(ran).toEqual(["early", "first", "second", "late"]);
});

it("says at once that nobody listens, and refuses one hook too many and a name twice", () => {
  const { registry } = stage();
  expect(registry.has("turn_start")).toBe(false);
  const add = (n: number) => registry.add("m", { point: "turn_start", name: `${n}`, run: () => undefined });
  for (let n = 0; n < MAX_HOOKS_PER_POINT; n++) add(n);
  expect([registry.has("turn_start"), registry.has("turn_end")]).toEqual([true, false]);

  expect(() => add(MAX_HOOKS_PER_POINT)).toThrow("one too many");
  registry.add("m", { point: "turn_end", run: () => undefined });
  expect(() => registry.add("m", { point: "turn_end", run: () => undefined })).toThrow("there already");
});

it("records a hook that throws or is late, and goes on with the others", async () => {
  const { registry, options, failures, clock } = stage();
  const ran: string[] = [];
  registry.add("a", {
    point: "turn_start",
    run: () => {
      throw new Error("broken");
    },
  });
  registry.add("b", { point: "turn_start", run: () => new Promise(() => undefined) });
  registry.add("c", { point: "turn_start", run: () => void ran.push("c") as undefined });

  const told = registry.tell("turn_start", turn, options);
  await clock.settle();
  expect(ran).toEqual([]);
  await clock.advance(1_000);
  await told;

  expect(ran).toEqual(["c"]);
  expect(failures.map(({ hook, error }) => `${hook}: ${(error as Error).message}`)).toEqual([
    "a/turn_start: broken",
    "b/turn_start: The hook b/turn_start took longer than 1000 ms.",
  ]);
});

it("passes over hooks of modules that the agent goes without", async () => {
  const { registry, options } = stage();
  const ran: string[] = [];
  for (const id of ["a", "b", "c"])
    registry.add(id, { point: "turn_start", run: () => void ran.push(id) as undefined });

  await registry.tell("turn_start", turn, { ...options, spec: { ...spec, without: ["a"] } });
  await registry.tell("turn_start", turn, { ...options, spec: { ...spec, modules: ["a"] } });

  expect(ran).toEqual(["b", "c", "a"]);
});

it("changes a tool call hook by hook, each seeing what those before it left", async () => {
  const { registry, options } = stage();
  registry.add("a", {
    point: "before_tool_call",
    run: () => ({ kind: "change", arguments: '{"n":2}' }),
  });
  registry.add("b", {
    point: "before_tool_call",
    run: ({ arguments: text }) => ({ kind: "change", arguments: text.replace("2", "3") }),
  });

  expect(await registry.gateToolCall(call, options)).toEqual({
    kind: "pass",
    arguments: '{"n":3}',
    changedBy: ["a/before_tool_call", "b/before_tool_call"],
  });
  expect(call.arguments).toBe('{"n":1}');
});

it("denies where a gate says no, throws, is late or answers what nobody knows", async () => {
  const outcomeOf = async (run: () => never) => {
    const { registry, options, clock } = stage();
    let asked = false;
    registry.add("a", { point: "before_tool_call", run });
    registry.add("b", {
      point: "before_tool_call",
      run: () => {
        asked = true;
        return undefined;
      },
    });
    const gated = registry.gateToolCall(call, options);
    await clock.advance(5_000);
    return [await gated, asked];
  };
  const denied = (reason: string) => [{ kind: "deny", reason, hook: "a/before_tool_call" }, false];

  expect(await outcomeOf(() => ({ kind: "deny", reason: "Not now." }) as never)).toEqual(denied("Not now."));
  const unchecked = denied("It could not be checked.");
  expect(await outcomeOf(() => Promise.reject(new Error("broken")) as never)).toEqual(unchecked);
  expect(await outcomeOf(() => new Promise(() => undefined) as never)).toEqual(unchecked);
  expect(await outcomeOf(() => ({ kind: "perhaps" }) as never)).toEqual(unchecked);
});

const ended: TurnEndView = {
  ...{ turn, inbound: [], reply: "Hello.", state: "replied", error: undefined, costMicroUsd: 0 },
  usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 } as TurnEndView["usage"],
};
const circular: Record<string, unknown> = {};
circular.self = circular;

it.each([
  ["of a kind without a handler", { kind: "note.kept" }, /note\.kept, for which there is no handler/],
  ["in a version that its handler does not read", { v: 3 }, /in version 3, and its handler reads 1, 2/],
  ["without a payload", { payload: undefined }, /payload that is no object of JSON/],
  ["with a payload that is no JSON", { payload: circular }, /payload that is no object of JSON/],
  ["in a lane that there is not", { lane: "fast" }, /lane fast, which there is not/],
  ["without a kind", { kind: 7 }, /kind is no name/],
  ["for no time", { dueAt: Number.NaN }, /no whole number of milliseconds/],
] as const)("refuses an effect %s, says so, and keeps the others of its turn", async (_what, change, why) => {
  const { registry, options, failures, log } = stage((kind) => (kind === "note.save" ? [1, 2] : undefined));
  const good: EffectDraft = { kind: "note.save", v: 2, payload: { n: 1 }, lane: "heavy", dueAt: 5, key: "k" };
  const bad = { ...good, ...change } as unknown as EffectDraft;
  registry.add("m", { point: "turn_end", run: () => ({ effects: [bad, good] }) });

  const drafts = await registry.endTurn(ended, options);

  expect(drafts).toEqual([{ ...good, id: "m/turn_end/1" }]);
  expect(failures.map(({ hook, error }) => [hook, String(error)])).toEqual([
    ["m/turn_end", expect.stringMatching(why)],
  ]);
  expect(log.troubles()).toEqual(["effect.refused"]);
});

it("refuses an effect that no handler takes when a module puts it by itself", () => {
  const kept: unknown[] = [];
  const store = checkedEffects({ put: (effect) => void kept.push(effect) as never }, () => undefined);
  const effect = { ...{ id: "e", spaceId: "default", kind: "note.kept", v: 1, lane: "heavy" as const } };
  const owner = { turnId: "t", sessionId: "s", payload: {}, createdAt: 1 };

  expect(() => store.put({ ...effect, ...owner })).toThrow(
    "The effect was refused: it asks for the effect note.kept, for which there is no handler: give its handler with the module, under effects.",
  );
  expect(kept).toEqual([]);
});

it("denies where a gate says that it changes something and does not say to what", async () => {
  const { registry, options } = stage();
  const change = { kind: "change", parts: [] } as unknown as ToolCallVerdict;
  registry.add("a", { point: "before_tool_call", run: () => change });

  expect(await registry.gateToolCall(call, options)).toEqual({
    kind: "deny",
    reason: "It could not be checked.",
    hook: "a/before_tool_call",
  });
});
