// What the simulated model says and what the simulated tools do. Everything that an answer is about stands in it, so that
// who answered what, and in which order, can be read off the platform afterwards.
import type {
  ModelMessage,
  ModelRequest,
  ModelToolCall,
  Tool,
  Toolbox,
  ToolContext,
  ToolOutput,
  ToolSet,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { ModelPlan, Random, SimulatedProcess } from "../../testing/src/simulator/index.ts";
import type { SchedulePlan } from "./plan.ts";

const TOKEN = /\bm\d+\b/g;

export function tokensIn(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

/** What a prompt shows: everything said before, and what is open. */
export interface SeenPrompt {
  /** UTC milliseconds. */
  readonly at: number;
  readonly tokens: readonly string[];
  readonly open: readonly string[];
}

/** Places of the messages that the model has to answer now: those that no answer names and no stop or tool has settled. */
function openPlaces(messages: readonly ModelMessage[]): readonly number[] {
  const answered = new Set(messages.flatMap((one) => (one.role === "assistant" ? tokensIn(one.text) : [])));
  const settled = messages.findLastIndex(
    (one) =>
      (one.role !== "user" && one.text.includes(STOPPED)) ||
      (one.role === "assistant" && one.calls.length === 0 && !one.text.startsWith("re")),
  );
  const places: number[] = [];
  messages.forEach((one, at) => {
    if (one.role !== "user" || at < settled) return;
    const tokens = tokensIn(one.text);
    if (tokens.some((token) => !answered.has(token))) places.push(at);
  });
  return places;
}

const STOPPED = "[Stopped by the user.]";

export function seenIn({ messages }: Pick<ModelRequest, "messages">, at: number): SeenPrompt {
  const said = (one: ModelMessage | undefined): readonly string[] =>
    one?.role === "user" ? tokensIn(one.text) : [];
  return {
    at,
    tokens: messages.flatMap(said),
    open: openPlaces(messages).flatMap((at) => said(messages[at])),
  };
}

/** What the model says next: calls the tools that open messages ask for, step by step, then names what it answers. */
export function answerOf(
  messages: readonly ModelMessage[],
  hasTools: boolean,
): { readonly text: string; readonly calls: readonly ModelToolCall[] } {
  const places = openPlaces(messages);
  const steps = places.flatMap((at) => messages[at]?.text.match(/\+[a-z,]+/g) ?? []);
  const after = messages.slice(places[0] ?? messages.length);
  const done = after.filter((one) => one.role === "assistant" && one.calls.length > 0).length;
  const step = hasTools ? steps[done] : undefined;
  const tokens = seenIn({ messages }, 0).open;
  if (step !== undefined) return { text: "", calls: callsOf(step, tokens[0] ?? "none") };
  return { text: ["re", ...tokens].join(" "), calls: [] };
}

/** The simulated model: answers, and breaks off or falls silent as often as the plan says. */
export function createModelScript(
  plan: SchedulePlan,
  random: Random,
): (request: ModelRequest, isCalm: boolean) => ModelPlan {
  return ({ messages, tools }, isCalm) => {
    const { text, calls } = answerOf(messages, tools.length > 0);
    const usage = { inputTokens: 10 * messages.length, cachedInputTokens: 0, outputTokens: 20 };
    const pieces = text.match(/ ?[^ ]+/g) ?? [];
    const answer: ModelPlan = { pieces, calls, paceMs: plan.paceMs, ending: "stop", usage };
    if (isCalm) return answer;
    const roll = random.next();
    if (roll < plan.modelHangShare) return { ...answer, pieces: pieces.slice(0, 1), ending: "hang" };
    if (roll > plan.modelHangShare + plan.modelFailShare) return answer;
    const error = new TroupeError("The simulated model broke off.", {
      code: random.pick(["model.unavailable", "model.rejected"] as const),
      retryable: random.chance(0.7),
    });
    return { ...answer, pieces: pieces.slice(0, random.int(0, pieces.length)), calls: [], ending: error };
  };
}

function callsOf(step: string, token: string): ModelToolCall[] {
  const names = step.slice(1).split(",");
  return names.map((name, at) => ({ callId: `c${at}`, name, arguments: JSON.stringify({ token }) }));
}

/** What tools did in the world outside of the store. */
export interface OutsideWorld {
  /** How often each call of the external tool took effect, by its key. */
  readonly acts: Map<string, number>;
}

const SPECS: Readonly<Record<string, Tool["spec"]["kind"]>> = {
  look: "pure",
  note: "transactional",
  act: "external",
};

export const SIMULATED_SET: ToolSet = {
  specs: Object.entries(SPECS).map(([name, kind]) => ({ name, description: name, inputSchema: {}, kind })),
  kindOf: (name) => SPECS[name],
};

export const ACT_DONE = "acted";
export const NOTE_DONE = "noted";

/** The tools of one process, held to the port of `Toolbox`. */
export function createSimulatedToolbox(deps: {
  readonly process: SimulatedProcess;
  readonly outside: OutsideWorld;
  readonly random: Random;
  readonly failShare: () => number;
  readonly noteWrites: (context: ToolContext) => readonly Write<unknown>[];
}): Toolbox {
  const { process, outside, random } = deps;
  const run = async (name: string, context: ToolContext, signal: AbortSignal): Promise<ToolOutput> => {
    await process.pause(random.next() * 20, `tool ${name}`, signal);
    if (name === "act") {
      const { idempotencyKey: key } = context;
      const act = (): string => {
        outside.acts.set(key, (outside.acts.get(key) ?? 0) + 1);
        return ACT_DONE;
      };
      return { text: await process.perform("act", act, { signal, isAbandonedOnAbort: true }) };
    }
    if (random.chance(deps.failShare())) return { text: "It did not work.", isError: true };
    if (name === "note") return { text: NOTE_DONE, writes: deps.noteWrites(context) };
    return { text: "Nothing to see." };
  };
  return {
    select: () => SIMULATED_SET,
    run: (set, call, context, { signal }) =>
      set.kindOf(call.name) === undefined
        ? Promise.resolve({ text: `There is no tool ${call.name}.`, isError: true })
        : run(call.name, context, signal),
    parseCommand: () => undefined,
  };
}
