import type { StandingBlock } from "@troupe/contracts";
import { estimateTokens } from "../../kit/index.ts";

/** Of one file. */
export const MAX_CHARACTERS: number = 12_000;
const MAX_TOKENS = 4_000;
/** Of all files of a prompt. */
const TOTAL_TOKENS = 16_000;
const MAX_NAMES = 40;

/** A file that may be shown. */
export interface ShownFile {
  /** From the folder that it is shown of: `SOUL.md`. */
  readonly name: string;
  readonly text: string;
  /** Who may be told, in words. */
  readonly readers: string;
}

/** What each file says of the agent, so that a model knows what to make of it. */
const HEADS: Readonly<Record<string, string>> = {
  "IDENTITY.md": "Who you are (your file IDENTITY.md):",
  "SOUL.md": "How you think and speak (your file SOUL.md):",
  "AGENTS.md": "How you work (your file AGENTS.md):",
  "USER.md": "Whom you talk with (your file USER.md; for reference, what they say now comes first):",
  "MEMORY.md": "What you keep in mind (your file MEMORY.md; for reference, it may be out of date):",
};

/** A line of a form that nobody filled in: `- **Vibe:** (warm, dry, …)`. Source: feature NR-050. */
const PLACEHOLDER = /^\s*[-*]\s*\**[^:\n]{1,40}:\**\s*(?:_?\([^)]*\)_?)?\s*$/u;

/** A block for each file, with a note where one is cut; the files first that come first. */
export function blocksOf(files: readonly ShownFile[]): readonly StandingBlock[] {
  const blocks: StandingBlock[] = [];
  let left = TOTAL_TOKENS;
  for (const file of files) {
    const head = HEADS[file.name] ?? `Your file ${file.name}:`;
    const whole = file.name === "IDENTITY.md" ? filledIn(file.text) : file.text.trim();
    if (whole === "") continue;
    const { text, isCut } = cut(whole, Math.min(MAX_TOKENS, left) - estimateTokens(head));
    const shown = `${head}\n${text}`;
    left -= estimateTokens(shown);
    const why = isCut ? `for ${file.readers}, cut` : `for ${file.readers}`;
    blocks.push({ block: `workspace ${file.name}`, text: shown, why });
  }
  return blocks;
}

/** The names of notes, which the agent reads when it needs them. */
export function notesBlock(names: readonly string[], readers: string): StandingBlock {
  const shown = names.slice(0, MAX_NAMES);
  const more = names.length > shown.length ? `, and ${names.length - shown.length} more` : "";
  const text = `Your notes, to be read where they help: ${shown.map((name) => `notes/${name}`).join(", ")}${more}`;
  return { block: "workspace notes", text, why: `${names.length} by name, for ${readers}` };
}

function filledIn(text: string): string {
  const lines = text.split("\n").filter((line) => !PLACEHOLDER.test(line));
  return lines.every((line) => line.trim() === "" || line.startsWith("#")) ? "" : lines.join("\n").trim();
}

/** Whole lines where there are several, with a note of what is missing. */
function cut(text: string, maxTokens: number): { readonly text: string; readonly isCut: boolean } {
  if (text.length <= MAX_CHARACTERS && estimateTokens(text) <= maxTokens) return { text, isCut: false };
  let end = Math.min(text.length, MAX_CHARACTERS);
  while (end > 0 && estimateTokens(text.slice(0, end)) > maxTokens) end = Math.floor(end * 0.9);
  const line = text.lastIndexOf("\n", end);
  if (line > end / 2) end = line;
  const kept = text.slice(0, end).replace(/[\uD800-\uDBFF]$/u, "");
  return {
    text: `${kept}\n[cut: the first ${kept.length} of ${text.length} characters are shown; a shorter file is shown whole]`,
    isCut: true,
  };
}
