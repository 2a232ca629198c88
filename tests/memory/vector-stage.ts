import type { CallOptions, Logger, NewMemory, Stores } from "@troupe/contracts";
import { createLogRecorder, createManualClock, type LogRecorder, type TestDatabase } from "@troupe/testing";
import { createIdGenerator, createMetrics, systemClock } from "../../server/src/kit/index.ts";
import {
  createEmbeddedModels,
  type IndexedSearch,
  loadVectors,
  type VectorFiller,
  type VectorMatch,
} from "../../server/src/memory/index.ts";
import { openInlineStores, openPostgresStores } from "../../server/src/store/index.ts";

const { createIndexedSearch, createVectorFiller, createVectorSearch } = await loadVectors();
export const options: CallOptions = { signal: new AbortController().signal };
export const SPACE = "default";
export const MODEL = "embedded/words-128";
const embedded = createEmbeddedModels();

/** A store, what embeds what it keeps, and what finds it. */
export interface VectorStage {
  readonly stores: Stores;
  readonly filler: VectorFiller;
  readonly search: Pick<ReturnType<typeof createVectorSearch>, "search">;
  readonly logger: LogRecorder;
  /** Whose vectors are made and asked. */
  model: string;
  /** What the background would do by itself before long, where an index does not look at the store with each search. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

export async function embed(texts: readonly string[], model: string) {
  const found = embedded.embedding(model.slice(model.indexOf("/") + 1));
  if (found === undefined) throw new Error(`There is no ${model}.`);
  return found.embed({ texts }, options);
}

/** In the memory of this process, on SQLite. */
export async function openResident(): Promise<VectorStage> {
  const clock = createManualClock(Date.UTC(2026, 10, 21));
  const logger = createLogRecorder();
  const common = { clock, logger, metrics: createMetrics() };
  const store = openInlineStores({ memory: true, ids: createIdGenerator(clock), ...common });
  const search = createVectorSearch({ vectors: store.stores.vectors, logger });
  return stageOf(store.stores, logger, search, undefined, async () => {
    await search[Symbol.asyncDispose]();
    await store.close();
  });
}

/** By pgvector, in a database that may have others who use it; it is left as it is. */
export async function openIndexed({ url }: Pick<TestDatabase, "url">): Promise<VectorStage> {
  const clock = systemClock();
  const logger = createLogRecorder();
  const common = { clock, logger, metrics: createMetrics() };
  const sharing = "shared" as const;
  const store = await openPostgresStores({ url, sharing, ids: createIdGenerator(clock), ...common });
  const { vectors, vectorIndex: index } = store.stores;
  if (index === undefined) throw new Error("This store has no index of vectors.");
  const search = createIndexedSearch({ index, vectors, ...common });
  return stageOf(store.stores, logger, search, search.step, () => store.close());
}

function stageOf(
  stores: Stores,
  logger: LogRecorder & Logger,
  search: VectorStage["search"],
  takeIn: IndexedSearch["step"] | undefined,
  close: () => Promise<void>,
): VectorStage {
  const stage = { stores, search, logger, model: MODEL, close };
  const filler = createVectorFiller({
    ...{ ...stores, logger, clock: systemClock(), metrics: createMetrics(), spaceId: SPACE },
    model: () => stage.model,
    embed: (request) => embed(request.texts, request.model),
    ...(takeIn === undefined ? {} : { takeIn }),
  });
  const catchUp = async (): Promise<void> => {
    await takeIn?.(stage.model, options);
  };
  return Object.assign(stage, { filler, catchUp });
}

export function memoryOf(id: string, text: string, change: Partial<NewMemory> = {}): NewMemory {
  const memory = { id, spaceId: SPACE, agentId: "ana", audience: ["kate"], turnId: "t", recordedAt: 1 };
  return { ...memory, text, ...change };
}

export async function remember(
  { stores }: Pick<VectorStage, "stores">,
  ...memory: Parameters<typeof memoryOf>
): Promise<void> {
  await stores.unit.commit([stores.memories.put(memoryOf(...memory))], options);
}

export async function matches(
  { search, model }: Pick<VectorStage, "search" | "model">,
  question: string,
  readers: readonly string[] = ["kate"],
  limit = 3,
): Promise<readonly VectorMatch[]> {
  const { vectors } = await embed([question], model);
  const vector = vectors[0] ?? new Float32Array(0);
  return search.search({ spaceId: SPACE, agentId: "ana", readers, model, vector, limit }, options);
}

export async function ask(...asked: Parameters<typeof matches>): Promise<readonly string[]> {
  return (await matches(...asked)).map(({ ownerId }) => ownerId);
}
