import type { PromptBlock, Turn } from "@troupe/contracts";
import { oneLine, type Paint, table } from "../output.ts";
import { count } from "./time.ts";

/** What the prompt of a turn's last attempt was made of. */
export interface ShownPrompt {
  readonly turnId: string;
  /** Of all blocks, estimated. */
  readonly tokens: number;
  /** In the order of the prompt, from what changes least to what changes most; empty where no model was asked. */
  readonly blocks: readonly PromptBlock[];
}

export function promptOf({ id, trace }: Pick<Turn, "id" | "trace">): ShownPrompt {
  const blocks = trace.findLast((entry) => entry.blocks !== undefined)?.blocks ?? [];
  return { turnId: id, tokens: blocks.reduce((sum, block) => sum + block.tokens, 0), blocks };
}

/** A line for each block: its size, its share, and why it is there. */
export function formatPrompt({ turnId, tokens, blocks }: ShownPrompt, paint: Paint): string {
  if (blocks.length === 0) return `Turn ${turnId} asked no model, so there was no prompt.`;
  const lines = blocks.map((block) => [
    block.block,
    count(block.tokens).padStart(7),
    `${Math.round((block.tokens / Math.max(1, tokens)) * 100)}%`.padStart(4),
    paint.dim(oneLine(block.why, 100)),
  ]);
  const head = `prompt of turn ${paint.bold(turnId)}: about ${count(tokens)} tokens, most stable first`;
  return `${head}\n${table(lines, "  ")}`;
}
