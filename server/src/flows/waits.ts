import type { FlowRun, FlowWait } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";

/** Longest wait. Source: feature NR-062, which has 30 days; a year's reminder is a flow too. */
const MAX_WAIT_MS = 366 * 24 * 3_600_000;
const MAX_NAME = 200;

/** Throws `request.invalid` for a wait that could never end as it says, or only by accident. */
export function checkWait(wait: FlowWait, now: number): void {
  if (wait.kind === "timer") checkTime("The time to wait for", wait.at, now);
  if (wait.kind === "event") {
    checkName("topic", wait.topic);
    checkName("correlationId", wait.correlationId);
  }
  if (wait.deadline !== undefined) checkTime("The deadline", wait.deadline.at, now);
}

export function checkName(what: string, text: unknown): asserts text is string {
  if (typeof text !== "string" || text.trim() === "") throw bad(`The ${what} is empty. Give a text.`);
  if (text.length > MAX_NAME) throw bad(`The ${what} is longer than ${MAX_NAME} characters.`);
}

function checkTime(what: string, at: number, now: number): void {
  if (!Number.isFinite(at)) throw bad(`${what} is no time. Give UTC milliseconds.`);
  if (at <= now) throw bad(`${what} has passed already. Give one in the future.`);
  if (at > now + MAX_WAIT_MS) throw bad(`${what} is more than 366 days away.`);
}

export function bad(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}

/** What a flow waits for, in a few words. */
export function describeWait(wait: FlowWait): string {
  const until = wait.deadline === undefined ? "" : `, until ${timeText(wait.deadline.at)}`;
  return `${onText(wait)}${until}`;
}

function onText(wait: FlowWait): string {
  switch (wait.kind) {
    case "timer":
      return `for ${timeText(wait.at)}`;
    case "event":
      return `for the event ${wait.topic} ${wait.correlationId}`;
    case "manual":
      return "for somebody to resume it";
    case "children":
      return "for the flows that it began";
    case "turn":
      return wait.turnId === undefined ? "for a turn to begin" : `for turn ${wait.turnId}`;
  }
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}

/** Why a flow does not go on; undefined for one that does, or has ended. `isKnown`: this process can run it. */
export function parkedOn(flow: FlowRun, isKnown: boolean): string | undefined {
  if (flow.endedAt !== undefined) return undefined;
  if (flow.cancelRequested !== undefined) return "to be cancelled";
  if (!isKnown && !flow.isMirrored) {
    return `for a process that knows ${flow.definition} version ${flow.version}`;
  }
  if (flow.wait !== undefined) return describeWait(flow.wait);
  const isTriedLater = flow.owner === undefined && flow.error !== undefined && flow.dueAt !== undefined;
  return isTriedLater ? `to be tried again at ${timeText(flow.dueAt ?? 0)}` : undefined;
}
