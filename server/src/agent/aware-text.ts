import type { Contribution, ModelMessage, PromptBlock } from "@troupe/contracts";
import { estimateTokens } from "../kit/index.ts";

/**
 * What modules know that changes seldom, as the prompts of a conversation show it right behind the agent's own block. The
 * message stays the same object until it is made anew, for it stands before everything that a provider has cached.
 */
export interface Awareness {
  readonly message: ModelMessage | undefined;
  readonly tokens: number;
  readonly lines: ReadonlySet<string>;
  /** What each module said, by its id. */
  readonly told: ReadonlyMap<string, Contribution>;
  /** A memory was closed since: the modules are asked whether what they said still stands. */
  readonly mayBeStale: boolean;
  /** UTC milliseconds from which on those are asked again that failed; undefined: none did. */
  readonly retryAt: number | undefined;
  readonly readers: readonly string[];
  /** UTC milliseconds of the last turn that showed it. */
  readonly seenAt: number;
}

/** A text as prompts show it. */
export function awarenessIn(text: string, readers: readonly string[], seenAt: number): Awareness {
  const isEmpty = text === "";
  return {
    ...{ readers, seenAt, told: NONE, mayBeStale: false, retryAt: undefined },
    ...{ tokens: isEmpty ? 0 : 4 + estimateTokens(text) },
    message: isEmpty ? undefined : { role: "system", text },
    lines: new Set(isEmpty ? [] : text.split("\n")),
  };
}

const NONE: ReadonlyMap<string, Contribution> = new Map();

/** What it is made of, in its order, for `turn show --prompt`. */
export function awareBlocks({ told, tokens }: Awareness): readonly PromptBlock[] {
  const said = [...told.values()].filter(({ text }) => text !== "");
  const [first, ...others] = said.map(({ text, block = "awareness", detail = "" }) => ({
    ...{ block, tokens: estimateTokens(text), why: detail },
  }));
  if (first === undefined) return tokens === 0 ? [] : [{ block: "awareness", tokens, why: "" }];
  // What joins them, and the role, is counted with the first.
  const rest = others.reduce((sum, one) => sum + one.tokens, 0);
  return [{ ...first, tokens: Math.max(0, tokens - rest) }, ...others];
}

/** Short, for progress and trace. */
export function whyOf({ told }: Awareness): string {
  return [...told.values()].flatMap(({ detail }) => (detail === undefined ? [] : [detail])).join(", ");
}
