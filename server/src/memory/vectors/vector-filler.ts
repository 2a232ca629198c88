import {
  type CallOptions,
  type Clock,
  type DueVector,
  type Embeddings,
  type Logger,
  TroupeError,
  type UnitOfWork,
  type VectorStore,
} from "@troupe/contracts";
import { createWakeLoop, type Metrics } from "../../kit/index.ts";

/** Texts that are embedded and kept by one commit. */
const BATCH = 100;
/**
 * Nothing is embedded while turns come and go: what is new is found by its words, and the prompt of its own conversation shows
 * it anyway. Where it never is quiet, it is done all the same before much waits: of 200 messages a second and their answers, twelve thousand.
 */
const QUIET_MS = 5_000;
const MOST_WAIT_MS = 30_000;
/** Between two batches, so that turns and searches come in between however much is due. */
const PAUSE_MS = 20;
/** A provider that does not answer is left alone for so long; what is due stays due. */
const RETRY_MS = 60_000;
/** Where another process embeds it is looked at again after so long, for that one may end. */
const LOOK_AGAIN_MS = 60_000;
const KINDS = ["memory", "message"] as const;
/** Of a longer text its beginning says what it is about, and models refuse what they cannot read whole. */
const MAX_CHARACTERS = 8_000;
const REFUSALS = ["model.rejected", "model.context_exceeded"] as const;
/** What the message before counts, and through it those before that: what is said belongs to what led to it. */
const BEFORE = 0.5;

export interface VectorFillerDeps {
  readonly vectors: Pick<VectorStore, "missing" | "fill">;
  readonly unit: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spaceId: string;
  /** `provider/model` whose vectors are wanted, undefined: none are; asked each round, for a reload may change it. */
  readonly model: () => string | undefined;
  /** Whether this process is the one that embeds: two would pay twice for the same. Default: always. */
  readonly isMine?: (options: CallOptions) => Promise<boolean>;
  /** Vectors by that model and no other, their cost reserved and settled. */
  readonly embed: (
    request: { readonly model: string; readonly texts: readonly string[] },
    options: CallOptions,
  ) => Promise<Pick<Embeddings, "vectors">>;
  /** Where the database has an index of vectors that is used: takes some of a model's in. Rejects with the signal's reason alone. */
  readonly takeIn?: (model: string, options: CallOptions) => Promise<Taken>;
}

/** Embeds behind the turns what has no vector yet: after a start and a change of the model everything, later what is new. */
export interface VectorFiller {
  start(signal: AbortSignal): void;
  /** Something may have been committed: it is embedded when nothing more comes for some seconds. Costs next to nothing. */
  nudge(): void;
  /** Embeds one batch of each kind; how many there were, and whether more is due. Rejects as `flush` does. */
  step(options: CallOptions): Promise<{ readonly embedded: number; readonly isMore: boolean }>;
  /** Embeds everything committed so far, and has it taken in. Rejects with the model's or the store's errors; what was kept stays. */
  flush(options: CallOptions): Promise<void>;
  stop(withinMs: number): Promise<void>;
}

export function createVectorFiller(deps: VectorFillerDeps): VectorFiller {
  const counter = deps.metrics.counter("vectors_embedded_total", "Messages and memories that were embedded");
  const seconds = deps.metrics.counter("vectors_embedding_seconds_total", "Time of waiting for embeddings");

  const stepAlone: VectorFiller["step"] = async (options) => {
    const model = deps.model();
    let [embedded, isMore] = [0, false];
    if (model === undefined) return { embedded, isMore };
    for (const ownerKind of KINDS) {
      const beganMs = deps.clock.monotonicMs();
      const batch = await fillSome(deps, { ownerKind, model }, options);
      if (batch.embedded > 0) {
        counter.add(batch.embedded, { kind: ownerKind });
        seconds.add((deps.clock.monotonicMs() - beganMs) / 1_000);
      }
      embedded += batch.embedded;
      isMore ||= batch.isMore;
    }
    return { embedded, isMore };
  };
  /** One at a time, or two who ask at once would pay twice for the same batch. */
  let last: Promise<unknown> = Promise.resolve();
  const step: VectorFiller["step"] = (options) => {
    const next = last.then(() => {
      options.signal.throwIfAborted();
      return stepAlone(options);
    });
    last = next.catch(() => undefined);
    return next;
  };
  let nudgedMs = Number.NEGATIVE_INFINITY;
  let waitsSinceMs: number | undefined;
  /** Milliseconds until it has been quiet for long enough, or others have come and gone for too long; at most 0: by now. */
  const untilQuiet = (): number => {
    const nowMs = deps.clock.monotonicMs();
    waitsSinceMs ??= nowMs;
    return Math.min(nudgedMs + QUIET_MS, waitsSinceMs + MOST_WAIT_MS) - nowMs;
  };
  let isFirst = true;
  const { isMine = () => Promise.resolve(true) } = deps;
  const loop = createWakeLoop({
    name: "vectors.fill",
    clock: deps.clock,
    logger: deps.logger,
    retryMs: RETRY_MS,
    async round(signal) {
      // A start has other things to do.
      if (isFirst) {
        isFirst = false;
        return QUIET_MS;
      }
      if (deps.model() === undefined) return undefined;
      const waitMs = untilQuiet();
      if (waitMs > 0) return waitMs;
      if (!(await isMine({ signal }))) return LOOK_AGAIN_MS;
      const { isMore } = await step({ signal });
      if (!isMore) waitsSinceMs = undefined;
      return pauseOf(isMore, await takenIn(deps, { signal }));
    },
  });
  return {
    start: (signal) => loop.start(signal),
    nudge() {
      nudgedMs = deps.clock.monotonicMs();
      loop.wakeIn(QUIET_MS);
    },
    step,
    async flush(options) {
      while ((await step(options)).isMore);
      while ((await takenIn(deps, options)).isMore);
    },
    stop: (withinMs) => loop.stop(withinMs),
  };
}

interface Taken {
  readonly isMore: boolean;
  readonly isAway?: boolean;
}

function pauseOf(isMore: boolean, taken: Taken): number | undefined {
  if (isMore || taken.isMore) return PAUSE_MS;
  return taken.isAway ? RETRY_MS : undefined;
}

/** Has the database's index take some in, where there is one. */
async function takenIn({ model: modelOf, takeIn }: VectorFillerDeps, options: CallOptions): Promise<Taken> {
  const model = modelOf();
  const nothing = { isMore: false };
  return model === undefined || takeIn === undefined ? nothing : takeIn(model, options);
}

interface Filling {
  readonly ownerKind: "memory" | "message";
  readonly model: string;
}

async function fillSome(
  deps: VectorFillerDeps,
  filling: Filling,
  options: CallOptions,
): Promise<{ readonly embedded: number; readonly isMore: boolean }> {
  const { vectors, unit, clock, spaceId } = deps;
  const { model } = filling;
  const { items, span, isMore } = await vectors.missing({ spaceId, ...filling, limit: BATCH }, options);
  // Rows that need none are passed for good only by the way: a commit for them alone is not worth it.
  if (items.length === 0 && !isMore) return { embedded: 0, isMore };
  const texts = items.map(({ text }) => beginningOf(text));
  const made = items.length === 0 ? [] : await embedAll(deps, { model, texts }, options);
  const createdAt = clock.now();
  const kept = inConversation(items, made).flatMap((vector, at) => {
    const owner = items[at];
    return vector === undefined || owner === undefined ? [] : [{ ...owner, vector, createdAt, model }];
  });
  await unit.commit([vectors.fill({ spaceId, ...filling, vectors: kept, span })], options);
  return { embedded: kept.length, isMore };
}

/** Each with what was said before it. */
function inConversation(
  items: readonly DueVector[],
  made: readonly (Float32Array | undefined)[],
): readonly (Float32Array | undefined)[] {
  const mixed = new Map<string, Float32Array>();
  return items.map(({ ownerId, before }, at) => {
    const own = made[at];
    if (own === undefined) return undefined;
    const earlier = before === undefined ? undefined : (mixed.get(before.ownerId) ?? before.vector);
    const vector = earlier?.length === own.length ? sumOf(own, earlier) : own;
    mixed.set(ownerId, vector);
    return vector;
  });
}

/** Of unit length. By loops: this is done for every message. */
function sumOf(own: Float32Array, before: Float32Array): Float32Array {
  const share = (BEFORE * lengthOf(own)) / (lengthOf(before) || 1);
  const sum = new Float32Array(own.length);
  for (let j = 0; j < own.length; j++) sum[j] = (own[j] as number) + share * (before[j] as number);
  const length = lengthOf(sum);
  if (length === 0) return own;
  for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) / length;
  return sum;
}

function lengthOf(vector: Float32Array): number {
  let square = 0;
  for (let j = 0; j < vector.length; j++) square += (vector[j] as number) ** 2;
  return Math.sqrt(square);
}

type Texts = Parameters<VectorFillerDeps["embed"]>[0];

/** One text that a model refuses holds up no other: each is asked for alone then, and that one waits until all is made anew. */
async function embedAll(
  { embed, logger }: VectorFillerDeps,
  { model, texts }: Texts,
  options: CallOptions,
): Promise<readonly (Float32Array | undefined)[]> {
  try {
    return (await embed({ model, texts }, options)).vectors;
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  const made: (Float32Array | undefined)[] = [];
  for (const text of texts) {
    try {
      made.push((await embed({ model, texts: [text] }, options)).vectors[0]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      logger.warn("vectors.refused", { model, code: error.code });
      made.push(undefined);
    }
  }
  return made;
}

function isRefusal(error: unknown): error is TroupeError {
  return TroupeError.is(error) && REFUSALS.some((code) => code === error.code);
}

function beginningOf(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : text.slice(0, MAX_CHARACTERS).toWellFormed();
}
