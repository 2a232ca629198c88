import type { CallOptions, FlowRun } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { delayOfAttempt, redactText } from "../kit/index.ts";
import { endFlow, moved, release, type WorkDeps } from "./changes.ts";
import { type FlowCode, stepOf } from "./definitions.ts";
import { runStep } from "./run-step.ts";
import { BACKOFF, MAX_ATTEMPTS } from "./step-policy.ts";

/** A mapping of an older version that throws is a defect, which somebody mends; the flow waits. */
const MAPPING_PAUSE_MS = 5 * 60_000;

/** Runs the step that a flow stands at and keeps what it came to. `step` aborts its code, `options` all. */
export async function atStep(
  deps: WorkDeps,
  flow: FlowRun,
  step: CallOptions,
  options: CallOptions,
): Promise<void> {
  const code = codeOf(deps, flow);
  if (code === undefined) {
    const error = `No way is known to go on from version ${flow.version} just now.`;
    const dueAt = deps.clock.now() + MAPPING_PAUSE_MS;
    return release(deps, flow, { dueAt, error, attempt: 0 }, options);
  }
  const most = stepOf(code.definition, code.step)?.maxAttempts ?? MAX_ATTEMPTS;
  if (flow.attempt > most) {
    // Each claim counts, so that a step which takes its process down comes to an end too.
    const reason = `Step ${code.step} was given up after ${most} tries; the last ones ended with their process.`;
    return endFlow(deps, flow, "failed", reason, options);
  }
  let stepped: Awaited<ReturnType<typeof runStep>>;
  try {
    stepped = await runStep(deps, flow, code, step);
    await deps.unit.commit(stepped.writes, options);
  } catch (error) {
    options.signal.throwIfAborted();
    return tryAgain(deps, flow, { step: code.step, most, error }, options);
  }
  await moved(deps, flow, stepped.move, options);
}

function codeOf({ definitions, logger }: WorkDeps, flow: FlowRun): FlowCode | undefined {
  try {
    return definitions.codeOf(flow);
  } catch (error) {
    const { id: flowId, definition, version } = flow;
    logger.error("flow.mapping-failed", { flowId, definition, version, error });
    return undefined;
  }
}

async function tryAgain(
  deps: WorkDeps,
  flow: FlowRun,
  { step, most, error }: { readonly step: string; readonly most: number; readonly error: unknown },
  options: CallOptions,
): Promise<void> {
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
    return endFlow(deps, flow, "failed", told, options);
  }
  const wishMs = TroupeError.is(error) ? (error.retryAfterMs ?? 0) : 0;
  const dueAt = deps.clock.now() + Math.max(wishMs, delayOfAttempt(flow.attempt, BACKOFF, deps.random));
  deps.logger.warn("flow.retry", { flowId: flow.id, step, attempt: flow.attempt, error });
  await release(deps, flow, { dueAt, error: reason, attempt: flow.attempt }, options);
}
