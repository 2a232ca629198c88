import type { CallOptions, FlowMove, FlowRun, FlowWait, Logger, TurnControl, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { delayOfAttempt, redactText } from "../kit/index.ts";
import { type FlowCode, stepOf } from "./definitions.ts";
import { moveFrom, resumed } from "./moves.ts";
import { runStep, type StepDeps } from "./run-step.ts";
import { pairSignals, type SignalDeps } from "./signals.ts";
import { beginTurn, type FlowTurnDeps } from "./turns.ts";

const MAX_ATTEMPTS = 5;
/** Of turns that are not taken for now: about a day. */
const MAX_TURN_TRIES = 60;
const BACKOFF = { baseMs: 1_000, capMs: 30 * 60_000 };
/** A mapping of an older version that throws is a defect, which somebody mends; the flow waits. */
const MAPPING_PAUSE_MS = 5 * 60_000;
/** The database said that the time has come; our clock may be so much behind. */
const CLOCK_SKEW_MS = 2_000;

export interface WorkDeps extends StepDeps, SignalDeps, FlowTurnDeps {
  readonly flows: StepDeps["flows"] & SignalDeps["flows"] & FlowTurnDeps["flows"] & Releasing;
  readonly random: () => number;
  readonly logger: Logger;
  readonly control: () => Pick<TurnControl, "cancel">;
  readonly onMove: (flow: FlowRun, move: FlowMove) => void;
}

type Releasing = Pick<import("@troupe/contracts").FlowStore, "release" | "children">;

/** Works on one claimed flow to its next commit. Rejects only with what the store rejects with. */
export async function work(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  try {
    if (flow.cancelRequested !== undefined) await cancelled(deps, flow, options);
    else if (flow.wait !== undefined) await atWait(deps, flow, flow.wait, options);
    else await atStep(deps, flow, options);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    await afterConflict(deps, flow, options);
  }
}

/** Somebody else changed it. Where that was a wish to cancel, and the claim is ours still, the wish is done at once. */
async function afterConflict(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  const now = await deps.flows.get(flow.id, options);
  if (now === undefined || now.endedAt !== undefined || now.epoch !== flow.epoch) return;
  if (now.cancelRequested === undefined) return;
  try {
    await cancelled(deps, now, options);
  } catch (error) {
    // The lease brings it to the next claim.
    if (!TroupeError.is(error, "store.conflict")) throw error;
  }
}

async function cancelled(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  const { wait, cancelRequested: reason = "" } = flow;
  await commitMove(
    deps,
    flow,
    { ...moveFrom(flow), end: "cancelled", error: reason },
    ["cancelled", reason],
    options,
  );
  if (wait?.kind !== "turn" || wait.turnId === undefined) return;
  try {
    await deps.control().cancel(wait.turnId, { reason: `Its flow was cancelled: ${reason}` }, options);
  } catch (error) {
    deps.logger.warn("flow.turn-not-cancelled", { flowId: flow.id, turnId: wait.turnId, error });
  }
}

async function atWait(deps: WorkDeps, flow: FlowRun, wait: FlowWait, options: CallOptions): Promise<void> {
  const now = deps.clock.now() + CLOCK_SKEW_MS;
  if (wait.kind === "timer" && wait.at <= now) return goOn(deps, flow, "timer", options);
  if (wait.kind === "children" && (await allEnded(deps, flow, options)))
    return goOn(deps, flow, "children", options);
  if (wait.deadline !== undefined && wait.deadline.at <= now) return atDeadline(deps, flow, wait, options);
  if (wait.kind === "turn" && wait.turnId === undefined) return atTurn(deps, flow, wait, options);
  if (wait.kind === "event") {
    const { topic, correlationId } = wait;
    const moved = await pairSignals(deps, { spaceId: flow.spaceId, topic, correlationId }, options);
    if (moved.includes(flow.id)) return;
  }
  const times = [wait.kind === "timer" ? wait.at : undefined, wait.deadline?.at].filter(
    (at) => at !== undefined,
  );
  const dueAt = flow.isMirrored || times.length === 0 ? undefined : Math.min(...times);
  await deps.unit.commit([deps.flows.release(flow, { dueAt, keepsAttempt: false })], options);
}

async function allEnded({ flows }: WorkDeps, { id }: FlowRun, options: CallOptions): Promise<boolean> {
  return (await flows.children(id, options)).every(({ endedAt }) => endedAt !== undefined);
}

async function goOn(
  deps: WorkDeps,
  flow: FlowRun,
  reason: "timer" | "children",
  options: CallOptions,
): Promise<void> {
  await commitMove(deps, flow, resumed(flow, { reason }), ["resumed", reason], options);
}

async function atDeadline(
  deps: WorkDeps,
  flow: FlowRun,
  wait: FlowWait,
  options: CallOptions,
): Promise<void> {
  const step = wait.deadline?.to;
  if (step !== undefined) {
    const move = resumed(flow, { reason: "deadline", step });
    return commitMove(deps, flow, move, ["resumed", "its deadline passed"], options);
  }
  const reason = "It waited until its deadline, and nothing came.";
  await commitMove(
    deps,
    flow,
    { ...moveFrom(flow), end: "failed", error: reason },
    ["failed", reason],
    options,
  );
}

async function atTurn(
  deps: WorkDeps,
  flow: FlowRun,
  wait: Extract<FlowWait, { readonly kind: "turn" }>,
  options: CallOptions,
): Promise<void> {
  const begun = await beginTurn(deps, flow, wait, options);
  if (begun.kind === "begun") {
    await deps.unit.commit([deps.flows.noteTurn(flow, begun.wait)], options);
  } else if (begun.kind === "later" && flow.attempt < MAX_TURN_TRIES) {
    const waitMs = Math.max(begun.afterMs, delayOfAttempt(flow.attempt, BACKOFF, deps.random));
    const to = { dueAt: deps.clock.now() + waitMs, error: begun.reason, keepsAttempt: true };
    await deps.unit.commit([deps.flows.release(flow, to)], options);
  } else {
    const error = { code: "admission.full", message: begun.reason };
    const given = resumed(flow, { reason: "turn", state: { turn: { state: "refused", error } } });
    const move = begun.kind === "refused" ? begun.move : given;
    await commitMove(deps, flow, move, ["resumed", `the turn was refused: ${begun.reason}`], options);
  }
}

async function atStep(deps: WorkDeps, flow: FlowRun, options: CallOptions): Promise<void> {
  const code = codeOf(deps, flow);
  if (code === undefined) {
    const error = `No way is known to go on from version ${flow.version} just now.`;
    const to = { dueAt: deps.clock.now() + MAPPING_PAUSE_MS, error, keepsAttempt: false };
    await deps.unit.commit([deps.flows.release(flow, to)], options);
    return;
  }
  const most = stepOf(code.definition, code.step)?.maxAttempts ?? MAX_ATTEMPTS;
  if (flow.attempt > most) {
    // Each claim counts, so that a step which takes its process down comes to an end too.
    const reason = `Step ${code.step} was given up after ${most} tries; the last ones ended with their process.`;
    await commitMove(
      deps,
      flow,
      { ...moveFrom(flow), end: "failed", error: reason },
      ["failed", reason],
      options,
    );
    return;
  }
  let stepped: Awaited<ReturnType<typeof runStep>>;
  try {
    stepped = await runStep(deps, flow, code, options);
    await deps.unit.commit(stepped.writes, options);
  } catch (error) {
    return tryAgain(deps, flow, { step: code.step, most, error }, options);
  }
  await moved(deps, flow, stepped.move, options);
}

function codeOf({ definitions, logger }: WorkDeps, flow: FlowRun): FlowCode | undefined {
  try {
    return definitions.codeOf(flow);
  } catch (error) {
    logger.error("flow.mapping-failed", {
      flowId: flow.id,
      definition: flow.definition,
      version: flow.version,
      error,
    });
    return undefined;
  }
}

async function tryAgain(
  deps: WorkDeps,
  flow: FlowRun,
  failure: { readonly step: string; readonly most: number; readonly error: unknown },
  options: CallOptions,
): Promise<void> {
  const { step, most, error } = failure;
  // Troupe stops: the claim goes with the process, and the next one tries the step again.
  if (options.signal.aborted) throw error;
  if (TroupeError.is(error) && error.code.startsWith("store.")) {
    if (error.code !== "store.conflict") throw error;
    const now = await deps.flows.get(flow.id, options);
    // Not a guard of the step's own: the flow is another's, or is to be cancelled.
    if (now === undefined || now.revision !== flow.revision || now.epoch !== flow.epoch) throw error;
  }
  const reason = redactText(error instanceof Error ? error.message : String(error)).slice(0, 500);
  const isFinal = TroupeError.is(error) && error.code === "request.invalid";
  if (isFinal || flow.attempt >= most) {
    const told = `Step ${step} failed${isFinal ? "" : ` ${flow.attempt} times`}: ${reason}`;
    deps.logger.error("flow.failed", { flowId: flow.id, step, attempt: flow.attempt, error });
    await commitMove(
      deps,
      flow,
      { ...moveFrom(flow), end: "failed", error: told },
      ["failed", told],
      options,
    );
    return;
  }
  const wishMs = TroupeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
  const dueAt = deps.clock.now() + Math.max(wishMs, delayOfAttempt(flow.attempt, BACKOFF, deps.random));
  deps.logger.warn("flow.retry", { flowId: flow.id, step, attempt: flow.attempt, error });
  await deps.unit.commit([deps.flows.release(flow, { dueAt, error: reason, keepsAttempt: true })], options);
}

async function commitMove(
  deps: WorkDeps,
  flow: FlowRun,
  move: FlowMove,
  [what, detail]: readonly [string, string],
  options: CallOptions,
): Promise<void> {
  const write: Write = deps.flows.move({ ...move, epoch: flow.epoch }, deps.says(what, detail));
  await deps.unit.commit([write], options);
  await moved(deps, flow, move, options);
}

/** After a commit: an event may have come before the wait that it ends. */
async function moved(deps: WorkDeps, flow: FlowRun, move: FlowMove, options: CallOptions): Promise<void> {
  deps.onMove(flow, move);
  if (move.wait?.kind !== "event") return;
  const { topic, correlationId } = move.wait;
  await pairSignals(deps, { spaceId: flow.spaceId, topic, correlationId }, options);
}
