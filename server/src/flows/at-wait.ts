import type { CallOptions, FlowRun, FlowWait } from "@troupe/contracts";
import { delayOfAttempt } from "../kit/index.ts";
import { commitMove, endFlow, goOn, release, type WorkDeps } from "./changes.ts";
import { pairSignals } from "./signals.ts";
import { BACKOFF } from "./step-policy.ts";
import { beginTurn } from "./turns.ts";

/** Of turns that are not taken for now: about a day. */
const MAX_TURN_TRIES = 60;
/** The database said that the time has come; our clock may be so much behind. */
const CLOCK_SKEW_MS = 2_000;

/** Looks whether a wait is over: what ends it comes first, its deadline only where nothing did. */
export async function atWait(
  deps: WorkDeps,
  flow: FlowRun,
  wait: FlowWait,
  options: CallOptions,
): Promise<void> {
  const now = deps.clock.now() + CLOCK_SKEW_MS;
  if (wait.kind === "timer" && wait.at <= now) return goOn(deps, flow, { reason: "timer" }, "timer", options);
  if (wait.kind === "children" && !(await deps.flows.hasOpenChildren(flow.id, options)))
    return goOn(deps, flow, { reason: "children" }, "children", options);
  if (wait.kind === "event" && (await isGiven(deps, flow, wait, options))) return;
  if (wait.deadline !== undefined && wait.deadline.at <= now) return atDeadline(deps, flow, wait, options);
  if (wait.kind === "turn" && wait.turnId === undefined) return atTurn(deps, flow, wait, options);
  const times = [wait.kind === "timer" ? wait.at : undefined, wait.deadline?.at].filter(
    (at) => at !== undefined,
  );
  const dueAt = flow.isMirrored || times.length === 0 ? undefined : Math.min(...times);
  await release(deps, flow, { dueAt, attempt: 0 }, options);
}

/** Whether an event was there that moved it. */
async function isGiven(
  deps: WorkDeps,
  flow: FlowRun,
  { topic, correlationId }: Extract<FlowWait, { readonly kind: "event" }>,
  options: CallOptions,
): Promise<boolean> {
  const moved = await pairSignals(deps, { spaceId: flow.spaceId, topic, correlationId }, options);
  return moved.includes(flow.id);
}

async function atDeadline(
  deps: WorkDeps,
  flow: FlowRun,
  wait: FlowWait,
  options: CallOptions,
): Promise<void> {
  const step = wait.deadline?.to;
  if (step === undefined)
    return endFlow(deps, flow, "failed", "It waited until its deadline, and nothing came.", options);
  await goOn(deps, flow, { reason: "deadline", step }, "its deadline passed", options);
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
    const dueAt = Math.min(deps.clock.now() + waitMs, wait.deadline?.at ?? Number.POSITIVE_INFINITY);
    await release(deps, flow, { dueAt, error: begun.reason, attempt: flow.attempt }, options);
  } else {
    const detail = `the turn was refused: ${begun.reason}`;
    if (begun.kind === "refused") return commitMove(deps, flow, begun.move, ["resumed", detail], options);
    const error = { code: "admission.full", message: begun.reason };
    await goOn(deps, flow, { reason: "turn", state: { turn: { state: "refused", error } } }, detail, options);
  }
}
