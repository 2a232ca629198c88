import type { ModelStepOutput, SourceReference, ToolResultPart, TurnStep } from "@troupe/contracts";

/** Most calls that one model step may make. */
export const CALLS_PER_STEP = 1_000;

/** Number of a call in the journal. By place and not by the model's own id: some servers give every call the same id. */
export function callNumber(modelStep: number, index: number): number {
  return modelStep * CALLS_PER_STEP + index;
}

/** What an earlier attempt of a turn had done already. */
export interface Replay {
  /** The answer of the model's `n`th call, if it was journalled. */
  model(n: number): ModelStepOutput | undefined;
  /** Whether a further call of the model followed its `n`th. */
  goesOn(n: number): boolean;
  /** `unknown`: an external call began and nobody saw its end. */
  call(
    n: number,
    name: string,
  ):
    | {
        readonly kind: "done";
        readonly result: ToolResultPart;
        readonly sources: readonly SourceReference[] | undefined;
      }
    | { readonly kind: "unknown" }
    | undefined;
}

/**
 * Reads a journal. In a loop only the steps before the first gap count: what follows one answered something that is not
 * known any more. External calls are never behind a gap.
 */
export function createReplay(steps: readonly TurnStep[], path: "loop" | "direct"): Replay {
  const models = new Map<number, ModelStepOutput>();
  const begun = new Map<number, string>();
  const results = new Map<number, Extract<TurnStep, { kind: "result" }>>();
  for (const step of steps) {
    if (step.kind === "model") models.set(step.n, step.output);
    else if (step.kind === "intent") begun.set(step.n, step.tool);
    else results.set(step.n, step);
  }
  let whole = 0;
  while (models.has(whole)) whole += 1;
  const firstLost = path === "direct" ? CALLS_PER_STEP : callNumber(whole, 0);
  return {
    model: (n) => (n < whole ? models.get(n) : undefined),
    goesOn: (n) => n + 1 < whole,
    call(n, name) {
      if (n >= firstLost) return undefined;
      const ended = results.get(n);
      if (ended?.result.name === name) return { kind: "done", result: ended.result, sources: ended.sources };
      return begun.get(n) === name ? { kind: "unknown" } : undefined;
    },
  };
}
