import type { Message, ModelChoice, ModelMessage, ToolCallPart } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { estimateTokens, isKnownToAll, isNoReply } from "../../kit/index.ts";
import { spentBefore } from "../ask-model.ts";
import { whyOf } from "../aware-text.ts";
import type { AgentDeps } from "../deps.ts";
import { within } from "../gather.ts";
import { createReplay } from "../journal.ts";
import { createLoopState, type LoopInput, type LoopState, replyOf, runLoop } from "../loop.ts";
import type { createPrompts, Prompt } from "../prompt.ts";
import { runCalls } from "../run-tools.ts";
import { othersOf } from "../second-track.ts";
import type { GatheredStanding } from "../standing.ts";
import type { TapeBeginning } from "../tape.ts";
import { compact } from "../tracks.ts";
import type { EquippedTurn, ExecutedTurn, GatheredContribution, TurnRun } from "../values.ts";

export interface Execution {
  readonly state: LoopState;
  /** Goes on with the turn until it has an answer to everything that joined it. */
  proceed(signal: AbortSignal): Promise<void>;
  /** The outcome so far, as the commit needs it. */
  outcome(): ExecutedTurn;
}

/** Step 4: assembles the prompt and runs the loop, or makes the direct call. */
export async function execute(
  deps: AgentDeps,
  prompts: ReturnType<typeof createPrompts>,
  turn: EquippedTurn,
  signal: AbortSignal,
): Promise<Execution> {
  turn.run.emitter.step("execute", "running");
  return turn.path.kind === "direct"
    ? directExecution(deps, turn, turn.path.call)
    : loopExecution(deps, prompts, turn, signal);
}

async function loopExecution(
  deps: AgentDeps,
  prompts: ReturnType<typeof createPrompts>,
  turn: EquippedTurn,
  signal: AbortSignal,
): Promise<Execution> {
  const model = turn.run.claimed.turn.payload.model ?? turn.agent.spec.model;
  const choices = deps.router.choices(model);
  const contextWindow = Math.min(...choices.map(({ model }) => model.contextWindow));
  const looked = turn.track.compactionLooks > 0 ? lookForCompaction(deps, turn, signal) : undefined;
  const gathered = await Promise.all(turn.gathering);
  if (looked !== undefined) await looked;
  const becameAware = turn.becomingAware !== undefined && (await turn.becomingAware);
  const standing = turn.standing instanceof Promise ? await turn.standing : turn.standing;
  const recalled = [...othersOf(turn), ...withDecided(deps, turn, gathered)];
  const { run } = turn;
  traceRecall(deps, run, recalled);
  const contributions = [...recalled, ...timeOf(deps, turn)];
  if (becameAware) traceAwareness(deps, turn);
  // From here on whatever joins is answered by a later model step.
  const newest = [...run.inbound];
  run.arrived.length = 0;
  const { historyTokens } = deps.settings;
  const build = (window: number): Prompt =>
    prompts.assemble({ turn, newest, standing, contributions, historyTokens, contextWindow: window });
  run.tape?.begin(beginningOf(deps, turn, { model, choices, standing, contributions, newest }));
  let prompt = build(contextWindow);
  if (!turn.track.isSummaryKnown) {
    await findSummary(deps, turn, signal);
    prompt = build(contextWindow);
  }
  if (turn.track.summary !== "") run.tape?.summary(turn.track.summary);
  run.trace.push({ at: deps.clock.now(), what: "prompt", detail: sizeOf(prompt), blocks: prompt.blocks() });
  const before = spentBefore(run.claimed, turn.journal, turn.paidBefore);
  const state = createLoopState(run, before, { choices, model });
  const { tokens } = prompt;
  const input: LoopInput = {
    turn,
    prompt: (shrink) => {
      // A model that calls it too long has less room than it is said to have.
      if (shrink > 0) prompt = build(Math.min(contextWindow, tokens) / 2 ** shrink);
      return prompt.messages;
    },
    promptTokens: tokens,
    maxSteps: turn.agent.spec.maxSteps ?? deps.settings.maxSteps,
  };
  return {
    state,
    proceed: (scope) => runLoop(deps, input, state, scope),
    outcome: () => executed(turn, state, prompt.historyBudget, prompt.added),
  };
}

function traceRecall({ clock }: AgentDeps, { trace }: TurnRun, all: readonly GatheredContribution[]): void {
  for (const { moduleId, text, detail, sources } of all) {
    if (text === "") continue;
    const what = detail === undefined ? moduleId : `${moduleId}: ${detail}`;
    const shown = sources === undefined ? {} : { sources };
    trace.push({ at: clock.now(), what: "recall", detail: what, ...shown });
  }
}

/** Told once: the turns after it show the same. */
function traceAwareness({ clock }: AgentDeps, { session: { awareness }, run }: EquippedTurn): void {
  if (awareness === undefined) return;
  const sources = [...awareness.told.values()].flatMap((one) => (one.text === "" ? [] : (one.sources ?? [])));
  run.trace.push({ at: clock.now(), what: "recall", detail: `awareness: ${whyOf(awareness)}`, sources });
}

/**
 * By the clock of the turn's own row, so that each attempt says the same; a replay has it from the tape. A call that brings its
 * own conversation says itself what it wants known.
 */
function timeOf({ tellTime }: AgentDeps, { run, view, session }: EquippedTurn): GatheredContribution[] {
  const { turn, session: record } = run.claimed;
  if (tellTime === undefined || record.stateless) return [];
  // A turn that was put off is answered later than it was asked.
  const at = Math.max(turn.dueAt, run.inbound.at(-1)?.createdAt ?? turn.createdAt);
  const { zone, text } = tellTime(view.peerId, at, session.recent.at(-1)?.turn.at);
  return [{ moduleId: "time", text, detail: `what time it is in ${zone}` }];
}

function sizeOf({ tokens, historyBudget }: Prompt): string {
  return `about ${Math.round(tokens)} tokens, history at most ${Math.round(historyBudget)}`;
}

/** A history that is shortened behind a reply: whether that is done by now. What fails shows it as it was. */
async function lookForCompaction(
  { storylines, logger }: AgentDeps,
  { track, storyline, session, view }: EquippedTurn,
  signal: AbortSignal,
): Promise<void> {
  track.compactionLooks -= 1;
  try {
    const all = await storylines.compactions(session.sessionId, { signal });
    const found = all.find(({ storylineId }) => storylineId === storyline.id);
    if (found === undefined || found.uptoTurnSeq <= track.summaryTo) return;
    compact(track, { text: found.summary, audience: found.audience }, found.uptoTurnSeq);
    track.compactionLooks = 0;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    logger.warn("prompt.compaction_unread", { turnId: view.turnId, error });
  }
}

/** Turns were let go before anybody shortened the history: the newest summary there is stands for them. */
async function findSummary(
  { storylines }: AgentDeps,
  { track, session, storyline, run }: EquippedTurn,
  signal: AbortSignal,
): Promise<void> {
  track.isSummaryKnown = true;
  // A summary tells of all that was said, and of a conversation that was handed over its agent knows only what it was shown.
  if (run.claimed.session.stateless || session.startsAt !== 1) return;
  const found = await (track.storylineId === undefined
    ? storylines.ofSession(session.sessionId, { signal })
    : storylines.get(storyline.id, { signal }));
  if (found === undefined || found.summary === "") return;
  // Made before somebody came who reads this answer, it tells of what they do not know.
  if (!isKnownToAll(found.audience, session.readers)) return;
  // Of a storyline from elsewhere the turns count in another conversation.
  const isOwn = found.sessionId === session.sessionId;
  if (isOwn ? found.summaryTurnSeq < track.summaryTo : track.summary !== "") return;
  track.summary = found.summary;
  track.summaryAudience = found.audience;
}

/** What modules say of their decisions, each before what it gathered: both share the module's budget. */
function withDecided(
  { modules }: AgentDeps,
  { decided }: EquippedTurn,
  gathered: readonly GatheredContribution[],
): readonly GatheredContribution[] {
  const texts = decided.filter(({ text }) => text !== "");
  if (texts.length === 0) return gathered;
  const leftFor = ({ moduleId, text }: GatheredContribution): string => {
    const said = texts.find((one) => one.moduleId === moduleId)?.text;
    const budget = modules.find(({ id }) => id === moduleId)?.budgetTokens ?? 0;
    return said === undefined ? text : within(text, budget - estimateTokens(said));
  };
  return [
    ...texts.map(({ moduleId, text }) => ({ moduleId, text, detail: "its tasks" })),
    ...gathered.map((one) => ({ ...one, text: leftFor(one) })),
  ];
}

/** All that the prompt is made from, before the prompt changes any of it. */
function beginningOf(
  deps: AgentDeps,
  turn: EquippedTurn,
  asked: {
    readonly model: string;
    readonly choices: readonly ModelChoice[];
    readonly standing: readonly GatheredStanding[];
    readonly contributions: readonly GatheredContribution[];
    readonly newest: readonly Message[];
  },
): TapeBeginning {
  const { track, agent, journal, session } = turn;
  const awareness = session.awareness?.message;
  const { model, choices, standing, contributions, newest } = asked;
  return {
    ...{ model, choices, journal, inbound: newest, agentRevision: agent.revision },
    maxSteps: agent.spec.maxSteps ?? deps.settings.maxSteps,
    history: [...track.turns],
    historyTokens: deps.settings.historyTokens,
    ...(awareness === undefined ? {} : { awareness: awareness.text }),
    ...(standing.length === 0
      ? {}
      : { standing: standing.map(({ moduleId, standing: { blocks } }) => ({ moduleId, blocks })) }),
    contributions: contributions.map(({ moduleId, text }) => ({ moduleId, text })),
  };
}

/** No model, the same custody: the tool's answer is the reply. Source: feature NN-016. */
function directExecution(
  deps: AgentDeps,
  turn: EquippedTurn,
  direct: { readonly tool: string; readonly input: unknown },
): Execution {
  const before = spentBefore(turn.run.claimed, turn.journal, turn.paidBefore);
  const state = createLoopState(turn.run, before, { choices: [], model: "" });
  const nothing = { model: "", choices: [], standing: [], contributions: [], newest: [...turn.run.inbound] };
  turn.run.tape?.begin(beginningOf(deps, turn, nothing));
  const call: ToolCallPart = {
    type: "tool-call",
    callId: "direct",
    name: direct.tool,
    arguments: JSON.stringify(direct.input ?? {}),
  };
  return {
    state,
    async proceed(signal) {
      // Whatever joined a command that had run already gets no second answer.
      if (state.steps > 0) return;
      const { results, writes } = await runCalls(
        deps,
        turn,
        [call],
        createReplay(turn.journal, "direct"),
        0,
        signal,
        () => {},
      );
      const text = results[0]?.text ?? "";
      if (text === "")
        throw new TroupeError(`The tool "${direct.tool}" answered nothing.`, { code: "tool.failed" });
      state.parts.push({ type: "text", text });
      state.toolWrites.push(...writes);
      state.steps = 1;
      turn.run.emitter.emit({ type: "text-delta", text });
    },
    outcome: () => executed(turn, state, undefined, undefined),
  };
}

function executed(
  turn: EquippedTurn,
  state: LoopState,
  historyBudget: number | undefined,
  added: ModelMessage | undefined,
): ExecutedTurn {
  const reply = replyOf(state.parts);
  // Models tell what they are about to look at; the last word is the answer.
  const last = state.parts.at(-1);
  const { maySayNothing } = turn.run.claimed.turn.payload;
  const saysNothing = maySayNothing === true && last?.type === "text" && isNoReply(last.text);
  return {
    ...turn,
    parts: saysNothing ? [] : state.parts,
    reply: saysNothing ? "" : reply,
    state: saysNothing ? "suppressed" : "replied",
    error: undefined,
    usage: state.usage,
    costMicroUsd: state.costMicroUsd,
    extraReservedMicroUsd: state.extraReservedMicroUsd,
    calls: state.calls,
    toolWrites: state.toolWrites,
    historyBudget,
    added,
  };
}
