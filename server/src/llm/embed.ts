import {
  type EmbeddingCall,
  type EmbeddingModel,
  type EmbeddingRouter,
  type Embeddings,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";
import {
  addUsage,
  estimateTokens,
  type ModelRefusal,
  nextDelayMs,
  refusedByAll,
  sleep,
} from "../kit/index.ts";
import { type AskingDeps, admit, MAX_RETRIES, MAX_WAIT_MS, RETRY_LIMITS } from "./asking.ts";
import { wasNeverAsked } from "./openai/failures.ts";

export interface EmbedDeps extends AskingDeps {
  /** The logical name of the choices, where they have one. */
  readonly list: string | undefined;
}

export interface EmbeddingChoice {
  /** `provider/model`. */
  readonly name: string;
  readonly model: EmbeddingModel;
}

type Request = Parameters<EmbeddingRouter["embed"]>[0];
type Options = Parameters<EmbeddingRouter["embed"]>[1];

/** Vectors of all texts from the first model that answers all of them: vectors of two models do not mix. */
export async function embedWith(
  choices: readonly EmbeddingChoice[],
  request: Request,
  options: Options,
  deps: EmbedDeps,
): Promise<Embeddings & { readonly model: string }> {
  if (request.texts.length === 0) {
    return { vectors: [], usage: NO_USAGE, estimated: false, model: choices[0]?.name ?? "" };
  }
  const refusals: ModelRefusal[] = [];
  for (const choice of choices) {
    const asking = new Asking(choice, refusals.length === choices.length - 1, options, deps);
    try {
      return { ...(await asking.all(request)), model: choice.name };
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      if (!TroupeError.is(error) || error.code === "internal") throw error;
      deps.logger.warn("embedding.failed", { model: choice.name, code: error.code, error: error.message });
      refusals.push({ model: choice.name, error, tries: 1 });
    }
  }
  throw refusedByAll(refusals, deps.list);
}

/** One model, asked for vectors of many texts. */
class Asking {
  readonly #name: string;
  readonly #model: EmbeddingModel;
  readonly #isLastHope: boolean;
  readonly #options: Options;
  readonly #deps: EmbedDeps;

  constructor({ name, model }: EmbeddingChoice, isLastHope: boolean, options: Options, deps: EmbedDeps) {
    this.#name = name;
    this.#model = model;
    this.#isLastHope = isLastHope;
    this.#options = options;
    this.#deps = deps;
  }

  async all({ texts, dimensions }: Request): Promise<Embeddings> {
    const vectors: Float32Array[] = [];
    const { maxTexts } = this.#model;
    let usage = NO_USAGE;
    let estimated = false;
    for (let at = 0; at < texts.length; at += maxTexts) {
      const batch = texts.slice(at, at + maxTexts);
      const part = await this.#patiently({
        texts: batch,
        ...(dimensions === undefined ? {} : { dimensions }),
      });
      if (vectors[0] !== undefined && part.vectors[0]?.length !== vectors[0].length) {
        const message = `The model "${this.#name}" answered vectors of different lengths.`;
        throw new TroupeError(message, { code: "model.bad_response" });
      }
      vectors.push(...part.vectors);
      usage = addUsage(usage, part.usage);
      estimated ||= part.estimated;
    }
    return { vectors, usage, estimated };
  }

  /** One batch, asked for again where that can help. */
  async #patiently(batch: EmbeddingBatch): Promise<Embeddings> {
    const { clock, random, guards } = this.#deps;
    const { signal } = this.#options;
    const guard = guards.of(this.#model.provider);
    const model = { name: this.#name, guard, isLastHope: this.#isLastHope };
    let delayMs = RETRY_LIMITS.baseMs;
    for (let tries = 1; ; tries++) {
      const held = await admit(model, (ms) => ms <= MAX_WAIT_MS, clock, signal);
      if (held !== undefined) throw held;
      const answer = await this.#once(batch);
      if (!TroupeError.is(answer)) {
        guard.succeeded();
        return answer;
      }
      guard.failed(answer);
      delayMs = nextDelayMs(delayMs, RETRY_LIMITS, random);
      const waitMs = Math.max(delayMs, answer.retryAfterMs ?? 0);
      // A provider that asked for a pause is waited for, one that is left alone is not.
      const isLeftAlone = answer.retryAfterMs === undefined && guard.isOpen;
      if (!answer.retryable || tries > MAX_RETRIES || isLeftAlone || waitMs > MAX_WAIT_MS) throw answer;
      await sleep(clock, waitMs, signal);
    }
  }

  /** One call, told of whatever its outcome. Rejects only where nothing was learnt of the provider. */
  async #once(batch: EmbeddingBatch): Promise<Embeddings | TroupeError> {
    const { clock, attempts, guards } = this.#deps;
    const { signal, onCall } = this.#options;
    const model = this.#name;
    const startedMs = clock.monotonicMs();
    const tell = (call: Omit<EmbeddingCall, "model" | "latencyMs">): void => {
      attempts.add(1, { model, outcome: call.error?.code ?? call.outcome });
      onCall({ ...call, model, latencyMs: clock.monotonicMs() - startedMs });
    };
    try {
      const answer = await this.#model.embed(batch, { signal });
      tell({ outcome: "ok", usage: answer.usage, estimated: answer.estimated });
      return answer;
    } catch (error) {
      if (!signal.aborted && TroupeError.is(error) && error.code !== "internal") {
        tell({ outcome: "error", error, usage: wasRead(error) ? readBy(batch) : NO_USAGE, estimated: true });
        return error;
      }
      guards.of(this.#model.provider).leave();
      if (signal.aborted) tell({ outcome: "aborted", usage: readBy(batch), estimated: true });
      throw error;
    }
  }
}

type EmbeddingBatch = Parameters<EmbeddingModel["embed"]>[0];

/** Whether a call that failed was billed all the same, as far as one can know: its texts had gone out and were not refused. */
function wasRead(error: TroupeError): boolean {
  return error.code === "model.bad_response" || (error.code === "model.timeout" && !wasNeverAsked(error));
}

function readBy({ texts }: EmbeddingBatch): Embeddings["usage"] {
  const inputTokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
  return { inputTokens, cachedInputTokens: 0, outputTokens: 0 };
}
