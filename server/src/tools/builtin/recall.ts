import type { MemoryStore, SearchHit, SearchStore, Tool, ToolContext, ToolOutput } from "@troupe/contracts";
import { referenceOf, wordsOf } from "../../kit/index.ts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { lineOf } from "./lines.ts";

const SHOWN = 8;
/** Asked for beyond what is shown, because repeats are left out. */
const SPARE = 12;
/** Hits that hold much less of what was asked than the best one are noise beside it. */
const SHARE_OF_BEST = 0.5;

export interface RecallDeps {
  readonly memories: Pick<MemoryStore, "list">;
  readonly search: Pick<SearchStore, "search">;
}

/** Looks up what was said and remembered. Only what everyone who reads the answer knows already is found. */
export function recallTool({ memories, search }: RecallDeps): Tool {
  return {
    spec: {
      name: "recall",
      description:
        "Looks up what was said in earlier conversations and what was remembered. Use it when the user refers to something you do not see. In its answer, you means the user, assistant means yourself, and a note is what was remembered.",
      kind: "pure",
      inputSchema: objectOf({
        query: {
          type: "string",
          maxLength: 500,
          description: "Words to look for. Leave out for the newest things that were remembered.",
        },
      }),
    },
    async run(input, context, options) {
      const { query = "" } = input as { query?: string };
      const words = wordsOf(query);
      if (words.length === 0) return await newest(memories, context, options);
      const { spaceId, agentId, audience: readers, sessionId, turnSeq } = context;
      // The question itself is the best match for its own words, and no answer.
      const except = { sessionId, fromTurnSeq: turnSeq };
      const asked = { spaceId, agentId, readers, words, text: query, limit: SHOWN + SPARE, except };
      const hits = await search.search(asked, options);
      const best = Math.max(0, ...hits.map((hit) => hit.score));
      const close = hits.filter((hit) => hit.score >= best * SHARE_OF_BEST);
      // Two that read the same are one line.
      const lines = new Map<string, SearchHit>();
      for (const hit of close) {
        const line = lineOf(hit, context.language);
        if (!lines.has(line)) lines.set(line, hit);
      }
      const shown = [...lines].slice(0, SHOWN);
      if (shown.length === 0) return { text: tell(context.language, "recall.nothing") };
      return {
        text: shown.map(([line]) => line).join("\n"),
        sources: shown.map(([, hit]) => referenceOf(hit)),
      };
    },
  };
}

async function newest(
  memories: RecallDeps["memories"],
  { spaceId, agentId, audience: readers, language }: ToolContext,
  options: { readonly signal: AbortSignal },
): Promise<ToolOutput> {
  const page = await memories.list({ spaceId, agentId, readers, limit: SHOWN }, options);
  // Of somebody with several names as many are told for each.
  const items = page.items.slice(0, SHOWN);
  if (items.length === 0) return { text: tell(language, "recall.empty") };
  const lines = items.map((memory) =>
    lineOf({ ...memory, role: "memory", createdAt: memory.recordedAt }, language),
  );
  return { text: lines.join("\n"), sources: items.map(({ id }) => ({ kind: "memory", id })) };
}
