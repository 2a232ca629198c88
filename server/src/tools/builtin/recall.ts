import type { MemoryStore, SearchHit, SearchStore, Tool, ToolContext, ToolOutput } from "@troupe/contracts";
import { wordsOf } from "../../kit/index.ts";
import { dayText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const SHOWN = 8;
/** Asked for beyond what is shown, because hits of the running turn and repeats are left out. */
const SPARE = 12;
/** Hits that hold much less of what was asked than the best one are noise beside it. */
const SHARE_OF_BEST = 0.5;
const MAX_LINE_CHARACTERS = 300;

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
      const { spaceId, agentId, audience: readers } = context;
      const hits = await search.search({ spaceId, agentId, readers, words, limit: SHOWN + SPARE }, options);
      const others = hits.filter((hit) => !isOfThisTurn(hit, context));
      const best = Math.max(0, ...others.map((hit) => hit.score));
      const close = others.filter((hit) => hit.score >= best * SHARE_OF_BEST);
      const lines = new Set(close.map((hit) => lineOf(hit, context)));
      if (lines.size === 0) return { text: tell(context.language, "recall.nothing") };
      return { text: [...lines].slice(0, SHOWN).join("\n") };
    },
  };
}

async function newest(
  memories: RecallDeps["memories"],
  { spaceId, agentId, audience: readers, language }: ToolContext,
  options: { readonly signal: AbortSignal },
): Promise<ToolOutput> {
  const { items } = await memories.list({ spaceId, agentId, readers, limit: SHOWN }, options);
  if (items.length === 0) return { text: tell(language, "recall.empty") };
  const lines = items.map(({ text, createdAt }) =>
    tell(language, "recall.remembered", { date: dayText(createdAt), text: shortened(text) }),
  );
  return { text: lines.join("\n") };
}

/** The question itself is the best match for its own words, and no answer. */
function isOfThisTurn(hit: SearchHit, { sessionId, turnSeq }: ToolContext): boolean {
  return hit.sessionId === sessionId && hit.turnSeq === turnSeq;
}

function lineOf(hit: SearchHit, { language }: ToolContext): string {
  const key =
    hit.role === "memory"
      ? "recall.remembered"
      : hit.role === "assistant"
        ? "recall.answered"
        : "recall.said";
  return tell(language, key, { date: dayText(hit.createdAt), text: shortened(hit.text) });
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_LINE_CHARACTERS ? line : `${line.slice(0, MAX_LINE_CHARACTERS - 1).trimEnd()}…`;
}
