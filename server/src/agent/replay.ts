import type {
  Agent,
  AgentDirectory,
  ApprovalPolicy,
  ClaimedTurn,
  Clock,
  IdGenerator,
  LanguageModel,
  Message,
  ModelChoice,
  ModelEvent,
  ModelRouter,
  Module,
  ReplayVerdict,
  TapeCall,
  Toolbox,
  TurnEvent,
} from "@troupe/contracts";
import { NO_USAGE, TroupeError } from "@troupe/contracts";
import { createMetrics, type Redact, redacted, type Tape } from "../kit/index.ts";
import { AGENT_DEFAULTS, type AgentDeps } from "./deps.ts";
import { CALLS_PER_STEP } from "./journal.ts";
import { createPrompts } from "./prompt.ts";
import { compareRequest, createDifferences, type Differences, textDifference } from "./replay-compare.ts";
import { replayPorts, SILENT, singleView } from "./replay-ports.ts";
import { createTurnRunner, join } from "./run-turn.ts";
import { viewOf } from "./session-views.ts";
import { settingsOf } from "./tape.ts";
import type { Gathering, TurnRun } from "./values.ts";

export interface ReplayDeps {
  /** The agents of now: what became of their blueprints since is what a replay finds out. */
  readonly agents: AgentDirectory;
  /** Chooses tools as it does now; none is run. */
  readonly toolbox: Pick<Toolbox, "select" | "parseCommand">;
  /** A model that answers its requests with the recorded streams, in order. */
  readonly modelOf: (calls: readonly TapeCall[]) => LanguageModel;
  /** As the tape was redacted. */
  readonly redact: Redact;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  /** Of turns of now, for agents that say nothing of it. */
  readonly maxSteps: number;
}

/**
 * Runs a recorded turn again, by the same steps and the same loop, with the agent of now: models and tools answer from the
 * tape, and nothing is kept, sent or read. What the prompt is made from beside the agent (history, recall, messages) is
 * what it was. Resolves with where that led elsewhere. Throws `request.not_found` for an agent that is gone, and the
 * signal's reason after an abort.
 */
export async function replayTape(
  deps: ReplayDeps,
  tape: Tape,
  options: { readonly signal: AbortSignal; readonly onEvent: (event: TurnEvent) => void },
): Promise<ReplayVerdict> {
  const { head } = tape;
  const agent = presentAgent(deps, tape);
  const differences = createDifferences();
  const work = new AbortController();
  const stop = (): void => work.abort(options.signal.reason);
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  const stage: Stage = { deps, tape, differences, work, calls: 0, toolCalls: 0, run: undefined };
  let end: Extract<TurnEvent, { type: "end" }> | undefined;
  const publish = (event: TurnEvent): void => {
    if (event.type === "end") end = event;
    options.onEvent(event);
  };
  try {
    const runner = createTurnRunner(agentDeps(stage, agent, publish), viewsOf(stage), createPrompts());
    const run = runner.begin(claimedOf(tape), gatheredIn(tape));
    stage.run = run;
    await runner.run(run, { work: work.signal, custody: options.signal });
    options.signal.throwIfAborted();
  } finally {
    options.signal.removeEventListener("abort", stop);
  }
  const state = end?.state ?? "failed";
  const reply = deps.redact(end?.text ?? "");
  compareEnd(stage, state, reply);
  const { found } = differences;
  const { calls: modelCalls, toolCalls } = stage;
  const verdict = { isSame: found.length === 0, differences: found, state, reply, modelCalls, toolCalls };
  return { turnId: head.turn.id, ...verdict };
}

/** One replay under way. */
interface Stage {
  readonly deps: ReplayDeps;
  readonly tape: Tape;
  readonly differences: Differences;
  readonly work: AbortController;
  /** Recorded calls that were asked for so far. */
  calls: number;
  toolCalls: number;
  run: TurnRun | undefined;
}

function presentAgent({ agents }: ReplayDeps, { head }: Tape): Agent {
  const { spaceId, agentId } = head.turn;
  const agent = agents.get(spaceId, agentId);
  if (agent !== undefined) return agent;
  throw new TroupeError(
    `There is no agent "${agentId}" any more. A replay runs with the agent as it is now; ./troupe agent add brings one back.`,
    { code: "request.not_found" },
  );
}

function agentDeps(stage: Stage, agent: Agent, publish: (event: TurnEvent) => void): AgentDeps {
  const { deps, tape } = stage;
  const { head } = tape;
  const { clock, ids, maxSteps } = deps;
  return {
    ...replayPorts({
      journal: head.journal,
      storyline() {
        // What joined while the summary was read.
        joinBefore(stage, 0);
        const { id: sessionId, agentId, audience } = head.session;
        const about = { id: "", spaceId: head.turn.spaceId, agentId, sessionId, audience, title: "" };
        return { ...about, summary: head.summary, summaryTurnSeq: 0, updatedAt: 0 };
      },
    }),
    agents: { get: () => agent, list: () => [agent] },
    router: routerOf(stage),
    toolbox: toolboxOf(stage),
    approval: approvalOf(stage),
    modules: modulesOf(tape),
    feed: { publish, subscribe: () => ({ [Symbol.dispose]: () => undefined }) },
    ...{ clock, ids, logger: SILENT, metrics: createMetrics(), processId: "replay", random: () => 0 },
    settings: {
      ...{ ...AGENT_DEFAULTS, maxSteps, maxAttempts: Number.POSITIVE_INFINITY },
      historyTokens: head.historyTokens ?? Number.MAX_SAFE_INTEGER,
    },
  };
}

function claimedOf({ head }: Tape): ClaimedTurn {
  const { inbound, principal, session, journal, turn } = head;
  const ended = { cancelRequested: false, trace: [] };
  return {
    turn: { ...turn, ...ended },
    ...{ inbound, principal, session },
    replyTo: undefined,
    isTakeover: journal.length > 0,
  };
}

/** The conversation as the prompt showed it. */
function viewsOf({ tape }: Stage): ReturnType<typeof singleView> {
  const { head } = tape;
  const turns = head.history.map(({ turnSeq, tokens, messages }) => ({
    ...{ turnSeq, tokens },
    messages: tape.messages(messages),
  }));
  const shown = { summary: head.summary, awareness: head.awareness ?? "" };
  return singleView(async () => viewOf(head.session, turns, head.turn.turnSeq, shown));
}

function modulesOf({ head }: Tape): readonly Module[] {
  return (head.standing ?? []).map(({ moduleId: id, blocks }) => {
    const standing = { blocks };
    // It was cut to its budget when it was recorded.
    return { id, budgetTokens: Number.POSITIVE_INFINITY, standing: () => standing };
  });
}

/** Whatever modules the agent has now: it is what the prompt was made from. */
function gatheredIn({ head }: Tape): Gathering {
  return head.contributions.map(({ moduleId, text }) => Promise.resolve({ moduleId, text }));
}

function routerOf(stage: Stage): ModelRouter {
  const { deps, tape } = stage;
  const model = deps.modelOf(tape.calls);
  const choices = tape.head.choices.map(
    ({ name, ...about }): ModelChoice => ({
      name,
      model: { ...about, stream: (request, options) => model.stream(request, options) },
      price: undefined,
    }),
  );
  return {
    choices(name) {
      if (name !== tape.head.model) {
        const detail = `The agent asks the model ${name}; it asked ${tape.head.model}.`;
        stage.differences.add({ what: "model", detail });
      }
      return choices;
    },
    async *stream(_choices, request, { signal, onModel, onFailedCall }): AsyncGenerator<ModelEvent> {
      const call = tape.calls[stage.calls];
      if (call === undefined) {
        yield beyondTheTape(stage);
        return;
      }
      stage.calls += 1;
      const now = redacted({ messages: request.messages, tools: request.tools }, deps.redact);
      compareRequest(tape, call, { ...now, settings: settingsOf(request) }, stage.differences);
      const choiceOf = (name: string): ModelChoice => ({ name, model, price: undefined });
      for (const { model: name, error, usage, latencyMs } of call.failed) {
        const { message, ...about } = error;
        onFailedCall({
          ...{
            choice: choiceOf(name),
            error: new TroupeError(message, about),
            usage,
            estimated: true,
            latencyMs,
          },
        });
      }
      if (call.model !== undefined) onModel(choiceOf(call.model));
      for await (const event of model.stream(request, { signal })) {
        if (event.type === "end") {
          joinBefore(stage, call.step + 1);
          // Somebody stopped the turn, or its time was over: here too.
          if (event.reason === "aborted") stopAsRecorded(stage);
        }
        yield event;
      }
    },
  };
}

/** The turn asks once more than it did. Where something from outside had ended it there, that ends it here. */
function beyondTheTape(stage: Stage): ModelEvent {
  const { tape, differences } = stage;
  const end = { type: "end", usage: NO_USAGE, estimated: true } as const;
  if (tape.end.error !== undefined && FROM_OUTSIDE.has(tape.end.error.code)) {
    stopAsRecorded(stage);
    return { ...end, reason: "aborted" };
  }
  const detail = `The turn asks a model once more than it did: the tape holds ${tape.calls.length} calls.`;
  differences.add({ what: "calls", call: tape.calls.length + 1, detail });
  return { ...end, reason: "error", error: new TroupeError(detail, { code: "turn.failed" }) };
}

/** Ends of a turn that no model and no tool had a part in. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(["turn.cancelled", "turn.deadline", "budget.exceeded"]);

function stopAsRecorded({ tape, work }: Stage): void {
  const { message = "Stopped.", code = "turn.cancelled" } = tape.end.error ?? {};
  work.abort(new TroupeError(message, { code }));
}

/** Hands over what had joined the turn before a step of its loop. */
function joinBefore({ tape, run }: Stage, step: number): void {
  if (run === undefined) return;
  for (const one of tape.joins) if (one.step === step) join(run, one.message as Message);
}

function toolboxOf(stage: Stage): Toolbox {
  const { deps, tape, differences, work } = stage;
  return {
    select: (agent, trigger) => deps.toolbox.select(agent, trigger),
    parseCommand: (text) => deps.toolbox.parseCommand(text),
    async run(_set, call, context, { signal }) {
      const n = Number(context.idempotencyKey.slice(context.idempotencyKey.lastIndexOf("/") + 1));
      joinBefore(stage, Math.floor(n / CALLS_PER_STEP) + 1);
      const recorded = tape.toolCalls.find((one) => one.n === n && one.rule === "allow");
      if (recorded?.name === call.name) {
        stage.toolCalls += 1;
        return { text: recorded.text, ...(recorded.isError ? { isError: true } : {}) };
      }
      if (tape.end.error !== undefined && FROM_OUTSIDE.has(tape.end.error.code)) {
        stopAsRecorded(stage);
        signal.throwIfAborted();
        work.signal.throwIfAborted();
      }
      const detail = `The tool ${call.name} was not called there, so the tape holds no answer of it.`;
      differences.add({ what: "tool", detail });
      return { text: detail, isError: true };
    },
  };
}

/** What was allowed and what was not. Calls of one step are told apart by what they ask. */
function approvalOf({ tape }: Stage): ApprovalPolicy {
  const left = [...tape.toolCalls];
  return {
    async decide({ tool, arguments: text }) {
      const at = left.findIndex((one) => one.name === tool && one.arguments === text);
      const [found] = at < 0 ? [] : left.splice(at, 1);
      return found?.rule ?? "allow";
    },
  };
}

function compareEnd({ tape, differences, calls }: Stage, state: string, reply: string): void {
  const { end } = tape;
  const left = tape.calls.length - calls;
  if (left > 0) {
    const detail = `The turn ends ${left} model ${left === 1 ? "call" : "calls"} earlier than it did.`;
    differences.add({ what: "calls", call: calls + 1, detail });
  }
  if (state !== end.state) {
    differences.add({ what: "state", detail: `The turn was ${end.state}, and is ${state}.` });
  }
  if (reply !== end.reply) {
    differences.add({ what: "reply", detail: `The reply differs: ${textDifference(end.reply, reply)}.` });
  }
}
