import type { FlowDetails, FlowProgram, FlowView, Page } from "@troupe/contracts";
import type { CommandContext } from "../context.ts";
import { formatFlow, formatFlows, formatPrograms } from "../format/flows.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export const flowPath = (id: string): string => `/api/flows/${encodeURIComponent(id)}`;

export async function listFlows({ connect, output }: CommandContext, options: Options): Promise<void> {
  const { status, definition, on, cursor } = options;
  const query = queryOf({ limit: limitOf(options), status, definition, on, cursor });
  await using client = await connect({ command: "flow list" });
  const page = await client.call<Page<FlowView>>("GET", `/api/flows${query}`);
  output.result(page, () => formatFlows(page, Date.now(), output.paint));
}

export async function showFlow(
  { connect, output }: CommandContext,
  { before }: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "flow show" });
  const details = await client.call<FlowDetails>("GET", `${flowPath(id)}${queryOf({ before })}`);
  output.result(details, () => formatFlow(details, Date.now(), output.paint));
}

export async function listDefinitions({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "flow definitions" });
  const { items } = await client.call<{ readonly items: readonly FlowProgram[] }>(
    "GET",
    "/api/flows/definitions",
  );
  output.result(items, () => formatPrograms(items, output.paint));
}
