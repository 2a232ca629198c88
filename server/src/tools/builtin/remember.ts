import type { MemoryStore, SourceReference, Tool, ToolContext } from "@troupe/contracts";
import { createMemoryKeeper, derivedId } from "../../kit/index.ts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const MAX_CHARACTERS = 2_000;
/** Messages that begin one turn: several, where people write in bursts. */
const MAX_SOURCES = 8;

export interface RememberDeps {
  readonly memories: Pick<MemoryStore, "alike" | "put" | "prove" | "close">;
}

/**
 * Keeps a memory for everyone who reads the conversation, with the messages that ask for it. Its id follows from the call, so
 * a rerun keeps one, not two; what is kept already is proved once more instead.
 */
export function rememberTool({ memories }: RememberDeps): Tool {
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
    async run(input, context, options) {
      const text = (input as { text: string }).text.trim();
      if (text === "") {
        const problems = tell(context.language, "problem.empty", { path: "text" });
        return { text: tell(context.language, "input.bad", { tool: "remember", problems }), isError: true };
      }
      // Not guarded: a record that somebody else closes meanwhile must not keep the turn from ending.
      const keeper = createMemoryKeeper({ memories, isGuarded: false });
      const { kind, writes } = await keeper.keep(
        {
          id: derivedId("memory", context.spaceId, context.idempotencyKey),
          spaceId: context.spaceId,
          agentId: context.agentId,
          audience: context.audience,
          text,
          turnId: context.turnId,
          recordedAt: context.now,
          sources: askedIn(context),
        },
        options,
      );
      const said = kind === "known" ? "remember.known" : "remember.done";
      return { text: tell(context.language, said, { text }), writes };
    },
  };
}

/** The messages that the turn answers. */
function askedIn({ sessionId, turnSeq, messageIds }: ToolContext): readonly SourceReference[] {
  return messageIds.slice(-MAX_SOURCES).map((id) => ({ kind: "message", id, sessionId, turnSeq }));
}
