import type { Page } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { type AgentView, formatAgent, formatAgents } from "../format/lists.ts";
import { findProblems, tellProblems } from "./config.ts";

export async function readAgents(client: AdminClient): Promise<readonly AgentView[]> {
  const { items } = await client.call<Page<AgentView>>("GET", "/api/agents");
  return items;
}

export async function listAgents({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "agent list" });
  const agents = await readAgents(client);
  output.result(agents, () => formatAgents(agents, output.paint));
}

export async function showAgent({ connect, output }: CommandContext, id: string): Promise<void> {
  await using client = await connect({ command: "agent show" });
  const agent = await client.call<AgentView>("GET", `/api/agents/${encodeURIComponent(id)}`);
  output.result(agent, () => formatAgent(agent, output.paint));
}

/** Checks the files, whether Troupe runs or not; with an id, only what concerns that file. */
export async function validateAgents(context: CommandContext, id: string | undefined): Promise<void> {
  const { problems, agents } = await findProblems(context);
  const found = problems.filter(
    (problem) =>
      problem.file.startsWith("agents/") && (id === undefined || problem.file.startsWith(`agents/${id}.`)),
  );
  if (id !== undefined && found.length === 0 && !agents.includes(id) && problems.length === 0) {
    throw new TroupeError(`There is no file agents/${id}.yaml in the home.`, { code: "request.not_found" });
  }
  const good =
    id === undefined ? `All agents are valid: ${agents.join(", ")}.` : `agents/${id}.yaml is valid.`;
  tellProblems(context.output, found, good);
}
