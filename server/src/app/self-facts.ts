import type { Agent } from "@troupe/contracts";
import { mayReach } from "../delegation/index.ts";
import type { BuiltinToolDeps, LoadableToolbox } from "../tools/index.ts";
import type { SwappableAgents } from "./agents.ts";

/** What an agent may do, as its tools tell it. */
export function selfFacts(
  agents: Pick<SwappableAgents, "get" | "list">,
  toolbox: () => Pick<LoadableToolbox, "select">,
): Required<Pick<BuiltinToolDeps, "colleagues" | "selfOf">> {
  const reached = (spaceId: string, agentId: string): readonly Agent[] => {
    const asker = agents.get(spaceId, agentId);
    return asker === undefined ? [] : agents.list(spaceId).filter((one) => mayReach(asker, one));
  };
  return {
    colleagues: ({ spaceId, agentId }) =>
      reached(spaceId, agentId).map(({ spec: { name, capabilities = [], description = "" } }) => ({
        ...{ name, capabilities: [...capabilities, description] },
      })),
    selfOf({ spaceId, agentId }) {
      const agent = agents.get(spaceId, agentId);
      if (agent === undefined) return undefined;
      const tools = toolbox()
        .select(agent, "chat")
        .specs.map(({ name }) => name);
      return { agent, tools, colleagues: reached(spaceId, agentId).map(({ spec }) => spec.name) };
    },
  };
}
