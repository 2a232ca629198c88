import type { FlowPort, FlowView } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { stateText } from "../format/flows.ts";
import { flowPath } from "./flow.ts";

type Options = Readonly<Record<string, unknown>>;
type Told = Awaited<ReturnType<FlowPort["signal"]>>;

export async function startFlow(
  { connect, output }: CommandContext,
  options: Options,
  definition: string,
): Promise<void> {
  const { goal, id } = options;
  const body = { definition, goal, id, state: jsonOf(options, "state") };
  await using client = await connect({ command: "flow start" });
  const flow = await client.call<FlowView>("POST", "/api/flows", body);
  output.result(flow, () => `Started: ./troupe flow show ${flow.id}`);
}

export async function tellEvent(
  { connect, output }: CommandContext,
  options: Options,
  topic: string,
  correlationId: string,
): Promise<void> {
  const body = { topic, correlationId, eventId: options.id, payload: jsonOf(options, "payload") };
  await using client = await connect({ command: "flow event" });
  const told = await client.call<Told>("POST", "/api/flows/events", body);
  const words: Readonly<Record<Told["kind"], string>> = {
    resumed: `Flow ${told.flowId ?? ""} goes on.`,
    kept: "No flow waits for it now; it is kept for a week.",
    duplicate:
      told.flowId === undefined
        ? "It was told before, and is kept."
        : `It was told before; flow ${told.flowId} had it.`,
  };
  output.result(told, () => words[told.kind]);
}

export async function resumeFlow(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const body = { step: options.step, state: jsonOf(options, "state") };
  await using client = await connect({ command: "flow resume" });
  const flow = await client.call<FlowView>("POST", `${flowPath(id)}/resume`, body);
  output.result(
    flow,
    () => `Flow ${flow.id} goes on at step "${flow.step}": ${stateText(flow, output.paint)}.`,
  );
}

export async function cancelFlow(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "flow cancel" });
  const flow = await client.call<FlowView>("POST", `${flowPath(id)}/cancel`, { reason: options.reason });
  output.result(flow, () =>
    flow.status === "cancelled" || flow.endedAt === undefined
      ? `Flow ${flow.id} is ${flow.endedAt === undefined ? "being cancelled" : "cancelled"}.`
      : `Flow ${flow.id} had ended already: ${flow.status}.`,
  );
}

/** An option that holds a JSON object. Throws `request.invalid`. */
function jsonOf(options: Options, name: string): Readonly<Record<string, unknown>> | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(String(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, as what is JSON and no object.
  }
  throw new TroupeError(`--${name} is no JSON object. Write one such as '{"order": 7}'.`, {
    code: "request.invalid",
  });
}
