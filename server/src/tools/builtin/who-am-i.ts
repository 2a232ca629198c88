import type { Agent, SessionStore, Tool, ToolContext } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

/** Of a group of thousands the first ones say what it is. */
const MOST_READERS = 20;

/** What an agent is, as far as it does not read it in its own instructions. */
export interface SelfFacts {
  readonly agent: Agent;
  /** Names of the tools that it may use here. */
  readonly tools: readonly string[];
  /** Names of the agents that it may ask. */
  readonly colleagues: readonly string[];
}

export interface WhoAmIDeps {
  readonly sessions: Pick<SessionStore, "get">;
  /** Undefined: the agent is gone. Absent: nothing but its id is known. */
  readonly selfOf?: (of: Pick<ToolContext, "spaceId" | "agentId">) => SelfFacts | undefined;
}

/** Tells an agent what it is, where it speaks and who reads it there, and what it may do. */
export function whoAmITool({ sessions, selfOf }: WhoAmIDeps): Tool {
  return {
    spec: {
      name: "who_am_i",
      description: "What you are, where you speak now and who reads it, and what you may do.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, context, options) {
      const { language, agentId, audience } = context;
      const self = selfOf?.(context);
      const session = await sessions.get(context.sessionId, options);
      const spec = self?.agent.spec;
      const readers = readersOf(audience);
      const { description = "", capabilities = [] } = spec ?? {};
      const lines = [
        tell(language, "self.name", { name: spec?.name ?? agentId, agent: agentId }),
        ...(description === "" ? [] : [description]),
        ...(capabilities.length === 0
          ? []
          : [tell(language, "self.capabilities", { list: capabilities.join(", ") })]),
        ...(session === undefined
          ? []
          : [tell(language, "self.where", { channel: session.channel, readers })]),
        ...listed(language, "self.tools", self?.tools),
        ...listed(language, "self.colleagues", self?.colleagues),
      ];
      return { text: lines.join("\n") };
    },
  };
}

function readersOf(audience: readonly string[]): string {
  const more = audience.length - MOST_READERS;
  const named = audience.slice(0, MOST_READERS).join(", ");
  return more > 0 ? `${named}, … (+${more})` : named;
}

function listed(
  language: string,
  key: "self.tools" | "self.colleagues",
  names: readonly string[] = [],
): readonly string[] {
  return names.length === 0 ? [] : [tell(language, key, { list: names.join(", ") })];
}
