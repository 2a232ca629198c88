import type { Clock, Logger, Tool, ToolContext, ToolOutput, ToolRetry } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { delayOfAttempt, sleep, untilAborted } from "../kit/index.ts";

/** Tries of a tool that acts on nothing and says that it may work later. */
const MAX_TRIES = 3;
const BACKOFF = { baseMs: 250, capMs: 4_000 };

/** Runs a tool, and again a few times where that is harmless, may help, and fits into its time. */
export async function invokePatiently(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  tool: Tool,
  input: unknown,
  context: ToolContext,
  {
    linked,
    untilMs,
    onRetry,
  }: {
    readonly linked: AbortSignal;
    readonly untilMs: number;
    readonly onRetry: ((retry: ToolRetry) => void) | undefined;
  },
): Promise<ToolOutput> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await untilAborted(invoke(tool, input, context, linked), linked);
    } catch (error) {
      if (linked.aborted || !mayRetry(tool, error) || attempt === MAX_TRIES) throw error;
      const waitMs = Math.max(
        error.retryAfterMs ?? 0,
        delayOfAttempt(attempt, BACKOFF, () => 1),
      );
      if (clock.monotonicMs() + waitMs >= untilMs) throw error;
      logger.warn("tool.retrying", { tool: tool.spec.name, turnId: context.turnId, attempt, waitMs, error });
      onRetry?.({ error, waitMs });
      await sleep(clock, waitMs, linked);
    }
  }
}

/** Of an external tool nobody knows what it has done before it failed. */
function mayRetry({ spec }: Tool, error: unknown): error is TroupeError {
  return spec.kind !== "external" && TroupeError.is(error) && error.retryable;
}

/** Turns a throw outside of any promise into a rejection. */
async function invoke(
  tool: Tool,
  input: unknown,
  context: ToolContext,
  signal: AbortSignal,
): Promise<ToolOutput> {
  return await tool.run(input, context, { signal });
}
