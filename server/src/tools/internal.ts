import type { Tool, ToolSet } from "@troupe/contracts";
import { tell } from "./catalogue/index.ts";
import { COMMANDS } from "./commands.ts";
import { objectOf } from "./schema.ts";

/**
 * Tools that serve commands and buttons alone: no model is offered them. They are made for a set of tools, because help
 * names only what the agent may use.
 */
export function internalTools(set: ToolSet): readonly Tool[] {
  return [helpTool(set), whoamiTool()];
}

function helpTool(set: ToolSet): Tool {
  return {
    spec: {
      name: "help",
      description: "Lists the commands that people can type.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, { language }) {
      const usable = COMMANDS.filter((command) => set.kindOf(command.tool) !== undefined);
      const lines = usable.map((command) => `  ${tell(language, command.help)}`);
      return { text: [tell(language, "help.head"), ...lines].join("\n") };
    },
  };
}

function whoamiTool(): Tool {
  return {
    spec: {
      name: "whoami",
      description: "Tells people under which names they are known in this conversation.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, { language, peerId, agentId, sessionId, audience }) {
      const values = { peer: peerId, agent: agentId, session: sessionId, audience: audience.join(", ") };
      return { text: tell(language, "whoami.text", values) };
    },
  };
}
