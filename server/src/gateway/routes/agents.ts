import type { Agent, Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Face } from "../face.ts";
import { jsonReply } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator } from "../turn-record.ts";

/** Who there is to talk to. */
export function agentRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/agents",
      access: "key",
      handle: ({ principal }) =>
        jsonReply({
          items: face.deps.agents.list(principal.spaceId).map((agent) => shown(agent, principal)),
        }),
    },
    {
      method: "GET",
      path: "/api/commands",
      access: "key",
      handle: ({ context }) =>
        jsonReply({ items: face.deps.commands?.(context.req.query("language") ?? "en") ?? [] }),
    },
    {
      method: "GET",
      path: "/api/agents/:id",
      access: "key",
      handle: ({ principal, context }) => {
        const id = context.req.param("id") ?? "";
        const agent = face.deps.agents.get(principal.spaceId, id);
        if (agent !== undefined) return jsonReply(shown(agent, principal));
        throw new TroupeError(`There is no agent "${id.slice(0, 64)}".`, { code: "request.not_found" });
      },
    },
  ];
}

/** Instructions and tools are the operator's business; whoever talks to an agent sees who it is. */
function shown(agent: Agent, principal: Principal): Readonly<Record<string, unknown>> {
  const { id, name, description, model } = agent.spec;
  if (isOperator(principal)) return { ...agent.spec, revision: agent.revision };
  return { id, name, description, model, revision: agent.revision };
}
