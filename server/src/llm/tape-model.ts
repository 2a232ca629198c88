import {
  type Clock,
  type LanguageModel,
  type ModelEvent,
  NO_USAGE,
  type TapeCall,
  type TapePart,
  TroupeError,
} from "@troupe/contracts";
import { sleep } from "../kit/index.ts";

/** What its owner tells of itself; a tape holds calls of several models. */
const PROVIDER = "tape";
const MODEL_ID = "recorded";

/**
 * A model that answers from a tape: its first request gets the recorded stream of the first call, and so on, whatever is
 * asked. Past the end it fails with `model.bad_response`. With `withTiming` parts come with the pauses that they had.
 */
export function createTapeModel(options: {
  readonly calls: readonly Pick<TapeCall, "parts">[];
  readonly clock: Clock;
  readonly withTiming?: boolean;
  readonly contextWindow?: number;
}): LanguageModel {
  let asked = 0;
  return {
    provider: PROVIDER,
    modelId: MODEL_ID,
    contextWindow: options.contextWindow ?? 128_000,
    stream(_request, { signal }) {
      const call = options.calls[asked];
      asked += 1;
      return play(call?.parts, asked, options, signal);
    },
  };
}

async function* play(
  parts: readonly TapePart[] | undefined,
  number: number,
  { clock, withTiming = false }: { readonly clock: Clock; readonly withTiming?: boolean },
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  let hasEnded = false;
  let playedMs = 0;
  for (const part of parts ?? []) {
    if (withTiming && part.ms > playedMs) {
      await sleep(clock, part.ms - playedMs, signal).catch(() => undefined);
      playedMs = part.ms;
    }
    if (signal.aborted) break;
    hasEnded = part.type === "end";
    yield eventOf(part);
    if (hasEnded) return;
  }
  if (signal.aborted) yield { type: "end", reason: "aborted", usage: NO_USAGE, estimated: true };
  else yield { type: "end", reason: "error", usage: NO_USAGE, estimated: true, error: lost(number) };
}

function lost(number: number): TroupeError {
  return new TroupeError(`The tape holds no answer to model call ${number}.`, { code: "model.bad_response" });
}

function eventOf(part: TapePart): ModelEvent {
  if (part.type !== "end") {
    const { ms: _, ...event } = part;
    return event;
  }
  const { ms: _, error, ...end } = part;
  if (error === undefined) return end;
  const { message, ...about } = error;
  return { ...end, error: new TroupeError(message, about) };
}
