import type { Command } from "commander";
import { add, group, paged } from "./add-command.ts";

/** `flow …`: durable state machines, what they wait for, and moving them. */
export function addFlows(program: Command): void {
  const flow = group(
    program,
    "flow",
    "flows, work of several steps that may wait for days: list, show, start, resume, cancel",
  );
  paged(
    add(
      flow,
      "list",
      "list flows that have not ended: what each waits for, since when",
      async (context, options) => (await import("./commands/flow.ts")).listFlows(context, options),
    )
      .option(
        "--status <status>",
        "open, ended, all, or running, waiting, finished, failed, cancelled",
        "open",
      )
      .option("--definition <name>", "only of this definition")
      .option("--on <wait>", "only what waits for: timer, event, manual, children, turn or version"),
    20,
  );
  add(
    flow,
    "show <id>",
    "print a flow with its history, parent and children",
    async (context, options, id = "") => (await import("./commands/flow.ts")).showFlow(context, options, id),
  ).option("--before <n>", "the lines of its history before this revision");
  add(flow, "definitions", "list what can be started, with its steps and versions", async (context) =>
    (await import("./commands/flow.ts")).listDefinitions(context),
  );
  addMoves(flow);
}

function addMoves(flow: Command): void {
  add(flow, "start <definition>", "start a flow", async (context, options, definition = "") =>
    (await import("./commands/flow-moves.ts")).startFlow(context, options, definition),
  )
    .option("--goal <text>", "one line for people")
    .option("--state <json>", "what it knows from the beginning, a JSON object")
    .option("--id <id>", "the same one twice is one flow; default: a new one");
  add(
    flow,
    "event <topic> <correlation-id>",
    "tell of something that happened; the flow that waits for it goes on",
    async (context, options, topic = "", correlationId = "") =>
      (await import("./commands/flow-moves.ts")).tellEvent(context, options, topic, correlationId),
  )
    .requiredOption("--id <event-id>", "yours; the same one counts once")
    .option("--payload <json>", "what the flow is told, a JSON object");
  add(flow, "resume <id>", "end a wait by hand", async (context, options, id = "") =>
    (await import("./commands/flow-moves.ts")).resumeFlow(context, options, id),
  )
    .option("--step <step>", "go on here instead of at the step that the wait names")
    .option("--state <json>", "joined to what it knows, a JSON object");
  add(
    flow,
    "cancel <id>",
    "cancel a flow and those that it began; final",
    async (context, options, id = "") =>
      (await import("./commands/flow-moves.ts")).cancelFlow(context, options, id),
  ).option("--reason <text>", "why, kept in its history");
}
