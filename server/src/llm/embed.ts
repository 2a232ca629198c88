import {
  type CallOptions,
  type Clock,
  type EmbeddingModel,
  type EmbeddingRouter,
  type Embeddings,
  type Logger,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";
import { addUsage, type Counter, nextDelayMs, sleep } from "../kit/index.ts";
import type { Guards } from "./guards.ts";

const MAX_RETRIES = 2;
const RETRY_LIMITS = { baseMs: 100, capMs: 5_000 };
const MAX_WAIT_MS = 10_000;

export interface EmbedDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly attempts: Counter;
  readonly guards: Guards;
}

export interface EmbeddingChoice {
  /** `provider/model`. */
  readonly name: string;
  readonly model: EmbeddingModel;
}

type Request = Parameters<EmbeddingRouter["embed"]>[0];

/** Vectors of all texts from the first model that answers all of them: vectors of two models do not mix. */
export async function embedWith(
  choices: readonly EmbeddingChoice[],
  request: Request,
  options: CallOptions,
  deps: EmbedDeps,
): Promise<Embeddings & { readonly model: string }> {
  if (request.texts.length === 0) {
    return { vectors: [], usage: NO_USAGE, estimated: false, model: choices[0]?.name ?? "" };
  }
  const refusals: TroupeError[] = [];
  for (const choice of choices) {
    try {
      return { ...(await embedAll(choice, request, options, deps)), model: choice.name };
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      if (!TroupeError.is(error) || error.code === "internal") throw error;
      deps.logger.warn("embedding.failed", { model: choice.name, code: error.code, error: error.message });
      refusals.push(error);
    }
  }
  const leading = refusals.find(({ retryable }) => retryable) ?? refusals[0];
  if (leading === undefined) {
    throw new TroupeError("No embedding model is listed.", { code: "model.unknown" });
  }
  if (refusals.length === 1) throw leading;
  const message = refusals.map((error) => error.message).join(" ");
  throw new TroupeError(message, { code: leading.code, retryable: leading.retryable, cause: leading });
}

async function embedAll(
  choice: EmbeddingChoice,
  { texts, dimensions }: Request,
  options: CallOptions,
  deps: EmbedDeps,
): Promise<Embeddings> {
  const vectors: Float32Array[] = [];
  let usage = NO_USAGE;
  let estimated = false;
  for (let at = 0; at < texts.length; at += choice.model.maxTexts) {
    const batch = texts.slice(at, at + choice.model.maxTexts);
    const part = await embedBatch(
      choice,
      { texts: batch, ...(dimensions === undefined ? {} : { dimensions }) },
      options,
      deps,
    );
    if (vectors[0] !== undefined && part.vectors[0]?.length !== vectors[0].length) {
      const message = `The model "${choice.name}" answered vectors of different lengths.`;
      throw new TroupeError(message, { code: "model.bad_response" });
    }
    vectors.push(...part.vectors);
    usage = addUsage(usage, part.usage);
    estimated ||= part.estimated;
  }
  return { vectors, usage, estimated };
}

async function embedBatch(
  { name, model }: EmbeddingChoice,
  request: Parameters<EmbeddingModel["embed"]>[0],
  options: CallOptions,
  { clock, random, attempts, guards }: EmbedDeps,
): Promise<Embeddings> {
  const guard = guards.of(model.provider);
  let delayMs = RETRY_LIMITS.baseMs;
  for (let tries = 1; ; tries++) {
    let failure = guard.enter(name, false);
    if (failure === undefined) {
      try {
        const answer = await model.embed(request, options);
        attempts.add(1, { model: name, outcome: "ok" });
        guard.succeeded();
        return answer;
      } catch (error) {
        if (options.signal.aborted || !TroupeError.is(error)) {
          guard.leave();
          throw error;
        }
        attempts.add(1, { model: name, outcome: error.code });
        guard.failed(error);
        failure = error;
      }
    }
    delayMs = nextDelayMs(delayMs, RETRY_LIMITS, random);
    const waitMs = Math.max(delayMs, failure.retryAfterMs ?? 0);
    if (!failure.retryable || tries > MAX_RETRIES || waitMs > MAX_WAIT_MS) throw failure;
    await sleep(clock, waitMs, options.signal);
  }
}
