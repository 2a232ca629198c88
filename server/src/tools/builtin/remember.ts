import type { MemoryStore, Tool } from "@troupe/contracts";
import { derivedId } from "../../kit/index.ts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const MAX_CHARACTERS = 2_000;

/** Keeps a memory for everyone who reads the conversation. Its id follows from the call, so a rerun keeps one, not two. */
export function rememberTool({ memories }: { readonly memories: Pick<MemoryStore, "put"> }): Tool {
  return {
    spec: {
      name: "remember",
      description:
        "Keeps a fact for later conversations. Use it when the user asks to remember something, or tells a lasting fact about themselves.",
      kind: "transactional",
      inputSchema: objectOf(
        {
          text: {
            type: "string",
            minLength: 1,
            maxLength: MAX_CHARACTERS,
            description: "The fact as one full sentence that makes sense on its own, in the user's language.",
          },
        },
        ["text"],
      ),
    },
    async run(input, context) {
      const text = (input as { text: string }).text.trim();
      if (text === "") {
        const problems = tell(context.language, "problem.empty", { path: "text" });
        return { text: tell(context.language, "input.bad", { tool: "remember", problems }), isError: true };
      }
      const write = memories.put({
        id: derivedId("memory", context.spaceId, context.idempotencyKey),
        spaceId: context.spaceId,
        agentId: context.agentId,
        audience: context.audience,
        text,
        turnId: context.turnId,
        createdAt: context.now,
      });
      return { text: tell(context.language, "remember.done", { text }), writes: [write] };
    },
  };
}
