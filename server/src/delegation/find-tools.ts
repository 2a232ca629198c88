import type { Agent, Tool, ToolContext } from "@troupe/contracts";
import type { DelegationDeps } from "./deps.ts";
import { reachable, search } from "./reach.ts";
import { tell } from "./texts.ts";

const SHOWN = 20;

/** All that the agent may reach. */
export function listAgentsTool(deps: Pick<DelegationDeps, "agents">): Tool {
  return {
    spec: {
      name: "list_agents",
      description: "Lists the agents that you may ask or write to, with what they can do.",
      kind: "pure",
      needs: "agents",
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
    },
    run: async (_input, context) => ({ text: listText(known(deps, context), context.language) }),
  };
}

/** Those of them that fit a need. Source: feature NN-080. */
export function findAgentTool(deps: Pick<DelegationDeps, "agents">): Tool {
  return {
    spec: {
      name: "find_agent",
      description: "Finds agents by what they can do, best first, among those that you may ask or write to.",
      kind: "pure",
      needs: "agents",
      inputSchema: {
        type: "object",
        properties: { query: { type: "string", minLength: 1, maxLength: 500, description: "A few words." } },
        required: ["query"],
        additionalProperties: false,
      },
    },
    async run(input, context) {
      const { language } = context;
      const all = known(deps, context);
      const found = search(all, (input as { query: string }).query);
      if (found.length > 0 || all.length === 0) return { text: listText(found, language) };
      const who = tell(language, "known", { agents: all.map(({ spec }) => spec.name).join(", ") });
      return { text: tell(language, "agents.noneFound", { known: who }) };
    },
  };
}

function known(
  { agents }: Pick<DelegationDeps, "agents">,
  { spaceId, agentId }: ToolContext,
): readonly Agent[] {
  const self = agents.get(spaceId, agentId);
  return self === undefined ? [] : reachable(agents, self);
}

function listText(found: readonly Agent[], language: string): string {
  if (found.length === 0) return tell(language, "agents.none");
  return found.slice(0, SHOWN).map(lineOf).join("\n");
}

function lineOf({ spec }: Agent): string {
  const { id, name, description = "", capabilities = [] } = spec;
  const told = [description, capabilities.join(", ")].filter((one) => one !== "").join("; ");
  return told === "" ? `${name} (${id})` : `${name} (${id}): ${told}`;
}
