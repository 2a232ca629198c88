import type { CallOptions, Tool, Turn } from "@troupe/contracts";
import type { HandlerDeps } from "./deps.ts";
import { isOpen } from "./progress.ts";
import { tell } from "./texts.ts";

/** Turns of the conversation that are looked through: what older ones began has long come to an end or a limit. */
const LOOKED_AT = 50;

/**
 * Ends what the conversation's turns began and what has not ended, on every process. What people call with `/stop`; the turn
 * that runs there is cancelled by the command itself.
 */
export function stopTool(deps: HandlerDeps): Tool {
  return {
    spec: {
      name: "stop",
      description: "Ends for people what this conversation began.",
      kind: "external",
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
    },
    async run(_input, { spaceId, sessionId, turnId, language }, options) {
      const { items } = await deps.turns.list({ spaceId, sessionId, limit: LOOKED_AT }, options);
      const roots = new Set(items.filter(({ id }) => id !== turnId).map(rootOf));
      let count = 0;
      for (const root of roots) {
        const open = await underWay(deps, spaceId, root, options);
        if (open === 0) continue;
        await deps.cancel(root, { reason: "the person said stop", tree: true }, options);
        count += open;
      }
      return { text: count === 0 ? tell(language, "stop.nothing") : tell(language, "stop.done", { count }) };
    },
  };
}

function rootOf({ id, payload }: Turn): string {
  return payload.cause?.rootTurnId ?? id;
}

/** Turns of the chain that have not ended, and messages of its first turn that wait. */
async function underWay(
  { turns, agentDeliveries }: HandlerDeps,
  spaceId: string,
  rootTurnId: string,
  options: CallOptions,
): Promise<number> {
  const states = ["queued", "running"] as const;
  const { items } = await turns.list({ spaceId, rootTurnId, states, limit: 200 }, options);
  const waiting = (await agentDeliveries.ofTurn(rootTurnId, options)).filter(
    (one) => isOpen(one) && one.turnId === undefined,
  );
  return items.length + waiting.length;
}
