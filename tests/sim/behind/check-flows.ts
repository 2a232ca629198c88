// Flows: each step is kept once, the history is whole, a cancel is final, an event is given once, none is stranded.
import type { Report } from "../check.ts";
import type { BehindOutcome } from "./check.ts";
import { eventOps } from "./clients.ts";
import { noteOf, WHILE_OPEN } from "./flow-code.ts";
import type { KeptFlow } from "./kept.ts";
import type { FlowOp } from "./plan-flows.ts";

const ENDS = ["finished", "failed", "cancelled"];

export function checkFlows(outcome: BehindOutcome, report: Report): void {
  const { kept, told, plan } = outcome;
  const notes = kept.memories.map(({ text }) => text).filter((text) => text.startsWith("flow "));
  for (const one of kept.flows) {
    checkHistory(one, report);
    checkSteps(one, notes, report);
    const { flow } = one;
    if (flow.owner !== undefined) report("nothing stays claimed", `${flow.id} belongs to ${flow.owner}`);
    if (flow.endedAt === undefined)
      report("no flow is stranded", `${flow.id} is ${flow.status} at ${flow.step}, on ${flow.wait?.kind}`);
    if (flow.status === "failed") report("a flow fails for a reason of its own", `${flow.id}: ${flow.error}`);
  }
  for (const id of told.startedFlows)
    if (!kept.flows.some(({ flow }) => flow.id === id)) report("no flow is lost", `${id} was started`);
  for (const [id, { hadEnded }] of told.cancelledFlows) {
    const flow = kept.flows.find((one) => one.flow.id === id)?.flow;
    if (!hadEnded && flow?.status !== "cancelled")
      report("a cancel is final", `${id} was cancelled and is ${flow?.status}`);
  }
  checkParents(kept.flows, report);
  checkEvents(outcome, notes, report);
  checkFlowTurns(outcome, report);
  if (plan.jumps.length === 0) checkDeadlines(outcome, report);
}

function checkHistory({ flow, history }: KeptFlow, report: Report): void {
  const about = `${flow.id}: ${history.map(({ n, what }) => `${n} ${what}`).join(", ")}`;
  if (history.some(({ n }, at) => n !== at + 1) || history.at(-1)?.n !== flow.revision)
    report("a flow's history is whole", `${about}; revision ${flow.revision}`);
  const ends = history.filter(({ what }) => ENDS.includes(what));
  if (ends.length > 1 || (ends.length === 1 && ends[0] !== history.at(-1))) report("a flow ends once", about);
  if (ends.length === 1 && ends[0]?.what !== flow.status)
    report("a flow's history is whole", `${about}; it is ${flow.status}`);
  const asked = history.findIndex(({ what }) => what === "cancel-requested");
  const after = asked === -1 ? [] : history.slice(asked + 1).filter(({ what }) => what !== "cancelled");
  // A child that ends tells a parent that waits for it, whatever the parent is to become.
  if (after.some(({ what }) => what !== "child-ended" && what !== "cancel-requested"))
    report("a cancel is final", about);
}

/** What each step leaves is there once for each step that was kept, and for no other. */
function checkSteps({ flow }: KeptFlow, notes: readonly string[], report: Report): void {
  const ops = flow.state.ops as readonly FlowOp[];
  for (let n = 0; n <= ops.length; n++) {
    const times = notes.filter((text) => text.startsWith(noteOf(flow.id, n))).length;
    if (times > 1) report("a step's writes are kept once", `${flow.id} s${n}: ${times} times`);
    const early = notes.find((text) => text.startsWith(noteOf(flow.id, n)) && text.includes(WHILE_OPEN));
    if (early !== undefined) report("a flow waits for all that it began", early);
    if (times === 0 && flow.status === "finished")
      report("a step's writes are kept once", `${flow.id} finished and s${n} left nothing`);
    const at = Number(flow.step.slice(1));
    if (times > 0 && n > at)
      report("a step's writes are kept once", `${flow.id} stands at s${at}, s${n} left something`);
  }
}

function checkParents(flows: readonly KeptFlow[], report: Report): void {
  for (const { flow, children } of flows) {
    const open = children.filter(({ endedAt }) => endedAt === undefined);
    if (flow.endedAt !== undefined && flow.status !== "finished" && open.length > 0)
      report(
        "a cancel goes down to children",
        `${flow.id} is ${flow.status}, open: ${open.map(({ id }) => id)}`,
      );
  }
}

/** An event that was acknowledged is kept, and made at most one flow go on: that which is said to have taken it. */
function checkEvents({ kept, told }: BehindOutcome, notes: readonly string[], report: Report): void {
  for (const eventId of told.events.keys()) {
    const event = kept.events.find((one) => one.eventId === eventId);
    if (event === undefined) {
      report("no event is lost", `${eventId} was acknowledged`);
      continue;
    }
    const moved = notes.filter((text) => text.endsWith(`event ${eventId}`));
    const flows = new Set(moved.map((text) => text.split(" ")[1]));
    if (flows.size > 1) report("an event is given to one flow", `${eventId} moved ${[...flows]}`);
    const [flow] = flows;
    if (flow !== undefined && event.takenBy !== flow)
      report("an event is given to one flow", `${eventId} moved ${flow} and was taken by ${event.takenBy}`);
  }
}

/** No flow waited in vain for an event that was there. */
function checkDeadlines({ kept, told, seen, plan }: BehindOutcome, report: Report): void {
  const free = kept.events.filter(
    ({ eventId, takenBy }) => takenBy === undefined && told.events.has(eventId),
  );
  if (free.length === 0 || plan.flows.flows.every(({ ops }) => eventOps(ops).length === 0)) return;
  for (const { flow } of kept.flows) {
    const ops = flow.state.ops as readonly FlowOp[];
    for (const { n } of seen.steps.filter((one) => one.flowId === flow.id && one.reason === "deadline")) {
      const op = ops[n - 1];
      const event = free.find((one) => op?.kind === "event" && one.correlationId === op.correlationId);
      if (event !== undefined)
        report(
          "an event reaches the flow that waits for it",
          `${flow.id} s${n - 1} waited in vain for ${event.eventId}`,
        );
    }
  }
}

/** One turn for each that a flow asked for. */
function checkFlowTurns({ kept }: BehindOutcome, report: Report): void {
  const byFlow = Map.groupBy(
    kept.turns.filter(({ turn }) => turn.trigger === "flow"),
    ({ turn }) => turn.payload.cause?.of?.id ?? "",
  );
  for (const [id, turns] of byFlow) {
    const flow = kept.flows.find((one) => one.flow.id === id)?.flow;
    const wanted = ((flow?.state.ops ?? []) as readonly FlowOp[]).filter(
      ({ kind }) => kind === "turn",
    ).length;
    if (turns.length > wanted)
      report("a flow's turn is begun once", `${id} asks for ${wanted}, had ${turns.length}`);
  }
}
