import {
  type CallOptions,
  type Clock,
  type Embeddings,
  type Logger,
  TroupeError,
  type UnitOfWork,
  type VectorStore,
} from "@troupe/contracts";
import { createWakeLoop, type Metrics } from "../../kit/index.ts";

/** Texts that are embedded and kept by one commit. */
const BATCH = 100;
/** Fewer wait this long for company. */
const GATHER_MS = 500;
/** A provider that does not answer is left alone for so long; what is due stays due. */
const RETRY_MS = 60_000;
const KINDS = ["memory", "message"] as const;
/** Of a longer text its beginning says what it is about, and models refuse what they cannot read whole. */
const MAX_CHARACTERS = 8_000;
const REFUSALS = ["model.rejected", "model.context_exceeded"] as const;

export interface VectorFillerDeps {
  readonly vectors: Pick<VectorStore, "missing" | "put">;
  readonly unit: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly spaceId: string;
  /** `provider/model` whose vectors are wanted; asked each round, for a reload may change it. */
  readonly model: () => string;
  /** Vectors by that model and no other, their cost reserved and settled. */
  readonly embed: (
    request: { readonly model: string; readonly texts: readonly string[] },
    options: CallOptions,
  ) => Promise<Pick<Embeddings, "vectors">>;
}

/** Embeds behind the turns what has no vector yet: after a start and a change of the model everything, later what is new. */
export interface VectorFiller {
  start(signal: AbortSignal): void;
  /** Something may have been committed. Costs next to nothing. */
  nudge(): void;
  /** Embeds everything committed so far. Rejects with the model's or the store's errors; what was kept stays. */
  flush(options: CallOptions): Promise<void>;
  stop(withinMs: number): Promise<void>;
}

export function createVectorFiller(deps: VectorFillerDeps): VectorFiller {
  const embedded = deps.metrics.counter("vectors_embedded_total", "Messages and memories that were embedded");
  const reached = new Map<string, number>();

  const fillAll = async (options: CallOptions): Promise<void> => {
    for (const ownerKind of KINDS) {
      for (;;) {
        const count = await fillSome(deps, { ownerKind, reached }, options);
        if (count === 0) break;
        embedded.add(count, { kind: ownerKind });
      }
    }
  };
  const loop = createWakeLoop({
    name: "vectors.fill",
    clock: deps.clock,
    logger: deps.logger,
    retryMs: RETRY_MS,
    round: async (signal) => {
      await fillAll({ signal });
      return undefined;
    },
  });
  return {
    start: (signal) => loop.start(signal),
    nudge: () => loop.wakeIn(GATHER_MS),
    flush: fillAll,
    stop: (withinMs) => loop.stop(withinMs),
  };
}

/** How many were kept; 0 when none is missing. */
async function fillSome(
  deps: VectorFillerDeps,
  { ownerKind, reached }: { readonly ownerKind: "memory" | "message"; readonly reached: Map<string, number> },
  options: CallOptions,
): Promise<number> {
  const { vectors, unit, clock, spaceId } = deps;
  const model = deps.model();
  const key = `${ownerKind} ${model}`;
  const query = { spaceId, ownerKind, model, afterRow: reached.get(key) ?? 0, limit: BATCH };
  const { items, upTo } = await vectors.missing(query, options);
  if (items.length > 0) {
    const made = await embedAll(deps, { model, texts: items.map(({ text }) => beginningOf(text)) }, options);
    const createdAt = clock.now();
    const writes = items.flatMap(({ text: _text, ...owner }, at) => {
      const vector = made[at];
      return vector === undefined ? [] : [vectors.put({ ...owner, vector, createdAt, model })];
    });
    if (writes.length > 0) await unit.commit(writes, options);
  }
  reached.set(key, upTo);
  return items.length;
}

type Texts = Parameters<VectorFillerDeps["embed"]>[0];

/** One text that a model refuses holds up no other: each is asked for alone then, and that one waits for the next start. */
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
