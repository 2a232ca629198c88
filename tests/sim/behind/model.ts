// What the simulated agents do with the words that they read, and the tools that they do it with.
import type {
  ModelMessage,
  ModelRequest,
  ModelToolCall,
  Tool,
  Toolbox,
  ToolContext,
  ToolOutput,
  ToolSet,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { ModelPlan, Random, SimulatedProcess } from "../../../testing/src/simulator/index.ts";
import type { BehindPlan } from "./plan.ts";
import type { AgentAct } from "./plan-agents.ts";

const WORD = /\b[qjt]\d+\b/g;
const STOPPED = "[Stopped by the user.]";
/** An agent that waits for others does so at most. */
const WAIT_SECONDS = 3;

export function wordsIn(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}

/** How an answer names the word that it answers. */
export function answerTo(word: string): string {
  return word.toUpperCase();
}

/** Messages that no answer has come to yet. */
function openOf(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  const last = messages.findLastIndex(
    (one) =>
      (one.role === "assistant" && one.calls.length === 0) ||
      (one.role !== "user" && one.text.includes(STOPPED)),
  );
  return messages.slice(last + 1).filter(({ role }) => role !== "system");
}

export function openWords({ messages }: Pick<ModelRequest, "messages">): readonly string[] {
  return openOf(messages).flatMap((one) => (one.role === "user" ? wordsIn(one.text) : []));
}

/** Does what its open words stand for, one after the other, then names them; breaks off as often as the plan says. */
export function createBehindScript(
  plan: BehindPlan,
  random: Random,
): (request: ModelRequest, isCalm: boolean) => ModelPlan {
  return ({ messages }, isCalm) => {
    const words = openWords({ messages });
    const acts = words.flatMap((word) => plan.agents.words.get(word) ?? []);
    const done = openOf(messages).filter((one) => one.role === "assistant").length;
    const act = acts[done];
    const text = act === undefined ? ["Done", ...words.map(answerTo)].join(" ") : "";
    const usage = { inputTokens: 10 * messages.length, cachedInputTokens: 0, outputTokens: 20 };
    const answer: ModelPlan = {
      ...{ pieces: text === "" ? [] : [text], calls: act === undefined ? [] : [callOf(act)] },
      ...{ paceMs: plan.paceMs, ending: "stop", usage },
    };
    if (isCalm || !random.chance(plan.modelFailShare)) return answer;
    const ending = new TroupeError("The simulated model broke off.", {
      code: "model.unavailable",
      retryable: random.chance(0.7),
    });
    return { ...answer, pieces: [], calls: [], ending };
  };
}

function callOf(act: AgentAct): ModelToolCall {
  const call = (name: string, input: object): ModelToolCall => ({
    ...{ callId: "c0", name, arguments: JSON.stringify(input) },
  });
  if (act.kind === "send") return call("send_to_agent", { agent: act.to.agent, text: act.to.word });
  const wait = { wait: act.waits, seconds: WAIT_SECONDS };
  const questions = act.of.map(({ agent, word }) => ({ agent, question: word }));
  const [only] = questions;
  if (questions.length === 1 && only !== undefined) return call("ask_agent", { ...only, ...wait });
  return call("ask_agents", {
    questions,
    ...wait,
    ...(act.first === undefined ? {} : { first: act.first }),
  });
}

const TRIES = 3;
const AGAIN_MS = 200;

/** The tools of one process, held to the port of `Toolbox`. Their inputs are ours, so nothing checks them. */
export function createBehindToolbox(deps: {
  readonly process: SimulatedProcess;
  readonly random: Random;
  readonly tools: readonly Tool[];
  readonly failShare: () => number;
}): Toolbox {
  const { process, random, tools } = deps;
  const byName = new Map(tools.map((tool) => [tool.spec.name, tool]));
  const set: ToolSet = {
    specs: tools.map(({ spec }) => spec),
    kindOf: (name) => byName.get(name)?.spec.kind,
  };
  const run = async (tool: Tool, input: unknown, context: ToolContext, signal: AbortSignal) => {
    await process.pause(random.next() * 20, `tool ${tool.spec.name}`, signal);
    if (random.chance(deps.failShare())) throw new Error("It did not work.");
    return tool.run(input, context, { signal });
  };
  return {
    select: () => set,
    async run(_set, call, context, { signal }): Promise<ToolOutput> {
      const tool = byName.get(call.name);
      if (tool === undefined) return { text: `There is no tool ${call.name}.`, isError: true };
      for (let tries = 1; ; tries++) {
        try {
          return await run(tool, JSON.parse(call.arguments), context, signal);
        } catch (error) {
          signal.throwIfAborted();
          const mayPass = TroupeError.is(error) && error.retryable;
          if (!mayPass || tries === TRIES) return { text: String(error), isError: true };
          await process.pause(AGAIN_MS, "tool again", signal);
        }
      }
    },
    parseCommand: () => undefined,
  };
}
