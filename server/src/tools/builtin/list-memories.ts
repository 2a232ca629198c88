import type { MemoryRecord, MemoryStore, SearchStore, Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { findMemories } from "./find-memories.ts";
import { memoryLine } from "./forget.ts";

const SHOWN = 20;

export interface ListMemoriesDeps {
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list">;
  readonly search: Pick<SearchStore, "search">;
}

/** Shows people what is remembered here, newest first or by words, with the signs by which `/forget` and `/why` take it. */
export function listMemoriesTool(deps: ListMemoriesDeps): Tool {
  return {
    spec: {
      name: "list_memories",
      description: "Shows people what is remembered.",
      kind: "pure",
      inputSchema: objectOf({ about: { type: "string", maxLength: 500, description: "Words of it." } }),
    },
    async run(input, context, options) {
      const { about } = input as { about?: string };
      const { spaceId, agentId, audience: readers, language } = context;
      const query = { spaceId, agentId, readers, limit: SHOWN + 1 };
      const found: readonly MemoryRecord[] =
        about === undefined
          ? (await deps.memories.list(query, options)).items
          : await findMemories(deps, about, context, options);
      if (found.length === 0)
        return { text: tell(language, about === undefined ? "recall.empty" : "recall.nothing") };
      const lines = found.slice(0, SHOWN).map((memory) => memoryLine(memory, language));
      if (found.length > SHOWN) lines.push(tell(language, "memory.more"));
      return {
        text: lines.join("\n"),
        sources: found.slice(0, SHOWN).map(({ id }) => ({ kind: "memory", id })),
      };
    },
  };
}
