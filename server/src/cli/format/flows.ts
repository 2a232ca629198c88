import type { FlowDetails, FlowEvent, FlowProgram, FlowView, Page } from "@troupe/contracts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { dateTime, duration } from "./time.ts";

export function formatFlows({ items, next }: Page<FlowView>, now: number, paint: Paint): string {
  if (items.length === 0) return "No flows.";
  const rows = items.map((flow) => [
    flow.id,
    programText(flow),
    stateText(flow, paint),
    sinceText(flow, now),
    paint.dim(oneLine(flow.goal, 48)),
  ]);
  return withMore(table(rows), next);
}

/** `waits for the event paid 7, until …`, or how it ended. */
export function stateText(flow: FlowView, paint: Paint): string {
  const { status, parkedOn, error, owner } = flow;
  if (parkedOn !== undefined) {
    const what = `waits ${oneLine(parkedOn, 120)}`;
    return error === undefined ? what : `${what}, after: ${paint.bad(oneLine(error, 60))}`;
  }
  if (status === "failed") return `${paint.bad("failed")}: ${oneLine(error ?? "", 80)}`;
  if (status === "running") return owner === undefined ? "is to run" : "runs";
  return status;
}

function programText({ definition, version, isMirrored }: FlowView): string {
  return isMirrored ? `${definition} (watched)` : `${definition}@${version}`;
}

function sinceText({ waitingSince, endedAt, updatedAt }: FlowView, now: number): string {
  if (endedAt !== undefined) return dateTime(endedAt);
  return `for ${duration(Math.max(0, now - (waitingSince ?? updatedAt)))}`;
}

export function formatFlow(
  { flow, history, hasMore, parent, children }: FlowDetails,
  now: number,
  paint: Paint,
): string {
  const { wait, waitingSince, cancelRequested, sessionId, agentId } = flow;
  const related = (one: FlowView): string =>
    `${one.id}  ${programText(one)}  ${stateText(one, paint)}${one.goal === "" ? "" : `  ${oneLine(one.goal, 48)}`}`;
  const rows: string[][] = [["state", stateText(flow, paint)]];
  if (flow.parkedOn !== undefined && waitingSince !== undefined)
    rows.push(["since", `${dateTime(waitingSince)}, for ${duration(Math.max(0, now - waitingSince))}`]);
  if (wait?.deadline !== undefined) {
    const { at, to } = wait.deadline;
    rows.push(["deadline", `${dateTime(at)}, then ${to === undefined ? "it fails" : `step ${to}`}`]);
  }
  rows.push(["step", wait === undefined || flow.isMirrored ? flow.step : `${flow.step}, then ${wait.to}`]);
  if (flow.attempt > 0 && wait === undefined) rows.push(["tries", String(flow.attempt)]);
  if (cancelRequested !== undefined && flow.endedAt === undefined)
    rows.push(["cancel", oneLine(cancelRequested, 200)]);
  if (sessionId !== undefined) rows.push(["session", sessionId]);
  if (agentId !== undefined) rows.push(["agent", agentId]);
  rows.push(["knows", oneLine(JSON.stringify(flow.state), 400)]);
  if (parent !== undefined) rows.push(["parent", related(parent)]);
  for (const [at, child] of children.entries()) rows.push([at === 0 ? "children" : "", related(child)]);
  const head = `${paint.bold(`flow ${flow.id}`)}  ${programText(flow)}  ${oneLine(flow.goal, 200)}`.trimEnd();
  const more = hasMore ? `  ${paint.dim(`older lines: --before ${history[0]?.n ?? 1}`)}\n` : "";
  return `${head}\n${table(rows, "  ")}\n\n${more}${table(history.map(lineOf), "  ")}`;
}

function lineOf({ at, what, step, by, detail }: FlowEvent): string[] {
  return [dateTime(at), what, oneLine(step, 32), oneLine(by, 32), oneLine(detail, 160)];
}

export function formatPrograms(programs: readonly FlowProgram[], paint: Paint): string {
  const rows = programs.map(({ name, version, first, steps, from }) => [
    paint.bold(`${name}@${version}`),
    steps.length === 0 ? "its agent names the steps" : `begins with ${first}; ${steps.join(", ")}`,
    from.length === 0 ? "" : `takes over version ${from.join(", ")}`,
  ]);
  return table(rows);
}
