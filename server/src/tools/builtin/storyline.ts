import type { OpenStoryline, Placer, Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

export interface StorylineToolDeps {
  /** Absent: every session has one storyline. */
  readonly placer?: Pick<Placer, "open" | "find">;
}

/**
 * Shows people which storyline they are in and what else is open. The turn of a choice belongs to what was chosen: step 2
 * reads the same input, so that here is nothing left to do but say it.
 */
export function storylineTool({ placer }: StorylineToolDeps): Tool {
  return {
    spec: {
      name: "storyline",
      description: "Tells people which storyline they are in, and goes on with another one.",
      kind: "pure",
      inputSchema: objectOf({
        choice: { type: "string", maxLength: 200, description: "Number in the list, or words of its title." },
      }),
    },
    async run(input, { language, sessionId }) {
      const { choice } = (input ?? {}) as { readonly choice?: string };
      const open = placer?.open(sessionId) ?? [];
      if (choice === undefined) return { text: listOf(open, language) };
      const found = placer?.find(sessionId, choice);
      return found === undefined
        ? { text: [tell(language, "storyline.unknown"), listOf(open, language)].join("\n"), isError: true }
        : { text: tell(language, "storyline.chosen", { title: found.title }) };
    },
  };
}

function listOf(open: readonly OpenStoryline[], language: string): string {
  if (open.length === 0) return tell(language, "storyline.none");
  const lines = open.map(({ title, isCurrent, isElsewhere }, at) => {
    const key = isCurrent ? "storyline.current" : isElsewhere ? "storyline.elsewhere" : "storyline.line";
    return tell(language, key, { number: at + 1, title });
  });
  return [tell(language, "storyline.head"), ...lines, tell(language, "storyline.rest")].join("\n");
}
