import type { MemoryRecord, MemoryStore, SearchStore, Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { findMemories, signOf } from "./find-memories.ts";
import { lineOf } from "./lines.ts";

const SHOWN = 8;

export interface ForgetDeps {
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list" | "close">;
  readonly search: Pick<SearchStore, "search">;
}

/**
 * Closes the one memory that is meant, or says which ones may be. What is forgotten is neither recalled nor listed from the
 * same commit on; an operator can undo it.
 */
export function forgetTool(deps: ForgetDeps): Tool {
  return {
    spec: {
      name: "forget",
      description:
        "Forgets something that was remembered. Use it only when the user asks for that. Where several memories may be meant it forgets none and lists them; ask the user, then call it with the sign of one.",
      kind: "transactional",
      inputSchema: objectOf(
        {
          what: {
            type: "string",
            minLength: 1,
            maxLength: 500,
            description: "Words of the memory, or its sign from a list, such as #4f2a9c.",
          },
        },
        ["what"],
      ),
    },
    async run(input, context, options) {
      const { language, now: at } = context;
      const what = (input as { what: string }).what.trim();
      const near = await findMemories(deps, what, context, options);
      const [first] = near;
      if (first === undefined) return { text: tell(language, "forget.nothing") };
      if (near.length > 1) return { text: choiceOf(near, language) };
      const { id, spaceId, text } = first;
      const closing = deps.memories.close({ spaceId, id, at, reason: "forgotten" });
      return { text: tell(language, "forget.done", { text }), writes: [closing] };
    },
  };
}

function choiceOf(near: readonly MemoryRecord[], language: string): string {
  const lines = near.slice(0, SHOWN).map((memory) => memoryLine(memory, language));
  return [tell(language, "forget.which"), ...lines].join("\n");
}

/** A memory with the sign by which it can be named. */
export function memoryLine(memory: MemoryRecord, language: string): string {
  const line = lineOf({ ...memory, role: "memory", createdAt: memory.recordedAt }, language);
  return `${signOf(memory)} ${line}`;
}
