import type { Agent, ClaimedTurn } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { delayOfAttempt, derivedId, detectLanguage, isStoreAway, sleep, titleOf } from "../kit/index.ts";
import { spentBefore, spentSoFar } from "./ask-model.ts";
import { withClientTools } from "./client-tools.ts";
import type { AgentDeps } from "./deps.ts";
import { failedTurn, failureOf, LeftForTakeover } from "./failure.ts";
import { tellEnd, tellStart } from "./hooks.ts";
import type { createPrompts } from "./prompt.ts";
import { HOME, type SessionViews, trackOf } from "./session-views.ts";
import { beginRun, open } from "./steps/1-open.ts";
import { place } from "./steps/2-place.ts";
import { equip } from "./steps/3-equip.ts";
import { type Execution, execute } from "./steps/4-execute.ts";
import { commit } from "./steps/5-commit.ts";
import { dispatch } from "./steps/6-dispatch.ts";
import type { CommittedTurn, ExecutedTurn, Gathering, TurnRun } from "./values.ts";

export interface TurnScope {
  /** Aborts the work: cancelled, past its deadline, interrupted, or left for takeover. */
  readonly work: AbortSignal;
  /** Aborts only when the process gives up its turns: a finishing commit is tried until then. */
  readonly custody: AbortSignal;
}

export interface TurnRunner {
  begin(claimed: ClaimedTurn, prepared: Gathering | undefined): TurnRun;
  /** Runs the six steps. Resolves when the turn has ended or belongs to another process; never rejects. */
  run(run: TurnRun, scope: TurnScope): Promise<"ended" | "left" | "superseded">;
}

/** Waits between tries of a finishing commit while the store cannot take it. */
const COMMIT_RETRY = { baseMs: 200, capMs: 15_000 };

export function createTurnRunner(
  deps: AgentDeps,
  views: SessionViews,
  prompts: ReturnType<typeof createPrompts>,
): TurnRunner {
  return {
    begin: (claimed, prepared) => beginRun(deps, claimed, prepared),
    async run(run, scope) {
      try {
        const committed = await runSteps(deps, views, prompts, run, scope);
        tell(deps, views, committed);
        keepTape(deps, committed);
        return "ended";
      } catch (error) {
        views.forget(run.claimed.session.id);
        keepCalls(deps, run);
        const { id: turnId, attempt } = run.claimed.turn;
        if (error instanceof LeftForTakeover) {
          deps.logger.info("turn.left", { turnId, attempt });
          return "left";
        }
        if (TroupeError.is(error, "store.conflict")) {
          deps.logger.warn("turn.superseded", { turnId, attempt });
          return "superseded";
        }
        deps.logger.error("turn.unfinished", { turnId, attempt, error });
        return "left";
      }
    },
  };
}

/** What an attempt that comes to no end here was billed for. Whoever ends its turn may know nothing of it. */
function keepCalls(deps: AgentDeps, run: TurnRun): void {
  if (run.calls.length === 0) return;
  const { id } = run.claimed.turn;
  deps.unit.ride([
    ...run.calls.map((call) => deps.ledger.record(call, { holder: id })),
    deps.turns.recount(id),
  ]);
}

/** Last of all: whoever waited for the turn has its answer. */
function keepTape({ recorder }: AgentDeps, { run, state, reply, error }: CommittedTurn): void {
  const tape = run.tape?.end({ state, reply, error });
  if (tape !== undefined) recorder?.keep(tape);
}

/** Everything is kept by now, so a failure to tell of it ends nothing and is no reason to run the turn again. */
function tell(deps: AgentDeps, views: SessionViews, committed: CommittedTurn): void {
  const { turn, session } = committed.run.claimed;
  try {
    dispatch(deps, views, committed);
    tellEnd(deps, committed);
  } catch (error) {
    views.forget(session.id);
    deps.logger.error("turn.dispatch_failed", { turnId: turn.id, error });
  }
}

async function runSteps(
  deps: AgentDeps,
  views: SessionViews,
  prompts: ReturnType<typeof createPrompts>,
  run: TurnRun,
  scope: TurnScope,
): Promise<CommittedTurn> {
  let execution: Execution | undefined;
  try {
    const opened = await open(deps, views, run, scope.work);
    const told = tellStart(deps, opened, scope.work);
    if (told !== undefined) await told;
    const placing = place(deps, opened, scope.work);
    const placed = placing instanceof Promise ? await placing : placing;
    const equipping = equip(deps, placed, scope.work);
    const equipped = equipping instanceof Promise ? await equipping : equipping;
    execution = await execute(deps, prompts, equipped, scope.work);
    for (;;) {
      await execution.proceed(scope.work);
      const committed = await commitWhole(deps, run, execution.outcome(), scope);
      if (committed !== undefined) return committed;
      // A message joined in the last moment: it is answered before the turn ends.
    }
  } catch (error) {
    if (error instanceof LeftForTakeover || TroupeError.is(error, "store.conflict")) throw error;
    // Nothing has happened yet: an answer a little later is better than a failure that is told.
    if (execution === undefined && isStoreAway(error))
      throw new LeftForTakeover("the store is away", { cause: error });
    return fail(deps, views, run, execution, error, scope);
  }
}

/** Ends a turn that came to no answer: recorded, told in one sentence, kept out of later prompts. */
async function fail(
  deps: AgentDeps,
  views: SessionViews,
  run: TurnRun,
  execution: Execution | undefined,
  cause: unknown,
  scope: TurnScope,
): Promise<CommittedTurn> {
  const turn = execution?.outcome() ?? (await unopened(deps, views, run, scope.custody));
  const { id: turnId, attempt } = run.claimed.turn;
  const model = turn.calls.at(-1)?.model ?? turn.agent.spec.model;
  const failure = failureOf(cause, { turnId, language: turn.language, model, attempt });
  if (failure.state !== "cancelled")
    deps.logger.error("turn.failed", { turnId, code: failure.error.code, error: cause });
  run.trace.push({ at: deps.clock.now(), what: failure.state, detail: failure.error.code });
  run.emitter.step("execute", "failed", failure.error.code);
  for (;;) {
    const committed = await commitWhole(deps, run, failedTurn(turn, failure), scope);
    if (committed !== undefined) return committed;
  }
}

/**
 * Commits; tries again while the store cannot take it, so that a full disk delays the end of a turn and loses none.
 * Undefined: a message joined that this process has now received too.
 */
async function commitWhole(
  deps: AgentDeps,
  run: TurnRun,
  turn: ExecutedTurn,
  scope: TurnScope,
): Promise<CommittedTurn | undefined> {
  const known = run.inbound.length;
  for (let attempt = 0; ; attempt++) {
    // It joined while the store could not take the commit, so the answer does not know of it.
    if (run.inbound.length > known) return undefined;
    // Who stops an answer that nobody has seen yet does not get it once the store is back.
    if (attempt > 0 && turn.error === undefined && wasStopped(scope.work)) throw scope.work.reason;
    try {
      return await commit(deps, turn, { signal: scope.custody });
    } catch (error) {
      if (scope.custody.aborted) throw new LeftForTakeover("the process stops", { cause: error });
      if (TroupeError.is(error, "store.conflict")) {
        const why = await whyRefused(deps, run, known, scope.custody);
        if (why === "joined") return undefined;
        if (why === "lost") throw error;
        throw new TroupeError("What a tool wanted to keep does not fit what is kept by now.", {
          code: "turn.failed",
          cause: error,
        });
      }
      if (!mayPass(error)) throw new LeftForTakeover("the store cannot take its end", { cause: error });
      deps.logger.error("turn.commit_failed", { turnId: run.claimed.turn.id, attempt, error });
      run.emitter.step("commit", "failed", TroupeError.is(error) ? error.code : "internal");
      await sleep(deps.clock, delayOfAttempt(attempt, COMMIT_RETRY, deps.random), scope.custody).catch(
        (cause: unknown) => {
          throw new LeftForTakeover("the process stops", { cause });
        },
      );
    }
  }
}

function wasStopped(work: AbortSignal): boolean {
  return work.aborted && TroupeError.is(work.reason, "turn.cancelled");
}

/** Whether the store may take the same commit later: it is full, busy or read-only now, but not closed. */
function mayPass(error: unknown): boolean {
  return TroupeError.is(error) && error.code.startsWith("store.") && error.code !== "store.closed";
}

/** Why a finishing commit was refused: a message joined, the turn is another's by now, or a tool's write did not hold. */
async function whyRefused(
  deps: AgentDeps,
  run: TurnRun,
  known: number,
  signal: AbortSignal,
): Promise<"joined" | "lost" | "tool"> {
  const { id, epoch } = run.claimed.turn;
  const record = await readOrLeave(deps.turns.get(id, { signal }));
  if (record === undefined || record.epoch !== epoch || record.state !== "running") return "lost";
  if (record.inboundCount <= known) return "tool";
  if (run.inbound.length < record.inboundCount) {
    // Its hand-over is still on the way; what is kept tells the same.
    const kept = await readOrLeave(deps.turns.inbound(id, { signal }));
    for (const message of kept) join(run, message);
  }
  return "joined";
}

/** A read that fails says nothing about the turn: its answer is there, and a later attempt ends it. */
function readOrLeave<T>(read: Promise<T>): Promise<T> {
  return read.catch((cause: unknown) => {
    throw new LeftForTakeover("its row cannot be read", { cause });
  });
}

/** Adds a message that joined the running turn; the same one again changes nothing. */
export function join(run: TurnRun, message: TurnRun["inbound"][number]): void {
  if (run.inbound.some((known) => known.id === message.id)) return;
  run.inbound.push(message);
  run.arrived.push(message);
}

/** What is known of a turn that failed before it could be opened, enough to end it properly. */
async function unopened(
  deps: AgentDeps,
  views: SessionViews,
  run: TurnRun,
  signal: AbortSignal,
): Promise<ExecutedTurn> {
  const { turn, session } = run.claimed;
  const text = run.inbound.map((message) => textOf(message.parts)).join("\n");
  const [view, journal, paidBefore] = await readOrLeave(
    Promise.all([
      views.load(session, turn.turnSeq, { signal }),
      run.claimed.isTakeover ? deps.turns.steps(turn.id, { signal }) : [],
      run.claimed.isTakeover ? deps.ledger.callsOfTurn(turn.id, { signal }) : [],
    ]),
  );
  const { calls, usage, costMicroUsd } = spentSoFar(run, spentBefore(run.claimed, journal, paidBefore));
  const agent: Agent = deps.agents.get(turn.spaceId, turn.agentId) ?? {
    spaceId: turn.spaceId,
    revision: 0,
    spec: { id: turn.agentId, name: turn.agentId, model: "default", instructions: "" },
  };
  const language = detectLanguage(text);
  const home = {
    id: view.storyline?.id ?? derivedId("storyline", session.id),
    title: view.storyline?.title ?? titleOf(text),
    isNew: view.storyline === undefined,
  };
  return {
    run,
    agent,
    language,
    text,
    session: view,
    journal,
    paidBefore,
    view: {
      turnId: turn.id,
      spaceId: turn.spaceId,
      agent,
      sessionId: session.id,
      turnSeq: turn.turnSeq,
      trigger: turn.trigger,
      audience: session.audience,
      peerId: session.peerId,
      inbound: run.inbound,
      language,
      shownFromTurnSeq: 0,
    },
    gathering: [],
    standing: [],
    becomingAware: undefined,
    ...{ home, storyline: home, track: trackOf(view, HOME), sideIds: [], placement: undefined },
    ...withClientTools(deps.toolbox.select(agent, turn.trigger), undefined),
    decided: [],
    path: { kind: "loop" },
    parts: [],
    reply: "",
    state: "failed",
    error: undefined,
    usage,
    costMicroUsd,
    extraReservedMicroUsd: run.before.reservedMicroUsd,
    calls,
    toolWrites: [],
    historyBudget: undefined,
    added: undefined,
  };
}
