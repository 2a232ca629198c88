import {
  type CallOptions,
  type Clock,
  type Logger,
  type Stores,
  TroupeError,
  type VectorIndexStore,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import type { VectorFiller } from "../memory/index.ts";

/** One request makes anew for so long; whoever asked asks again, and may leave in between. */
const WORK_MS = 1_000;
const BATCH = 200;
const INDEX_BATCH = 1_000;
const PRUNE_BATCH = 500;

interface ReindexParts {
  readonly stores: Pick<Stores, "unit" | "search" | "vectors" | "vectorIndex">;
  readonly vectorFiller: Pick<VectorFiller, "step">;
  readonly vectorModel: () => string | undefined;
  /** The index in the database, where it is the one that is used. */
  readonly vectorIndex: () => VectorIndexStore | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What one request did of making the index of words, or the vectors, anew. */
export interface Reindexed {
  /** Records indexed, or embedded, or vectors that the database's index took in. */
  readonly done: number;
  readonly isMore: boolean;
  /** `provider/model` of the vectors; absent with words, and where no vectors are kept or the database has no index of them. */
  readonly model?: string;
}

/**
 * `words`: the index of words, stretch by stretch, from where an earlier request stopped. `vectors`: with `begin` what lacks a vector is looked
 * for from the first record on, and with `again` too all are made anew; then batches, until none is due. `index`: with `begin` the database's
 * index of vectors is looked through from its first one on, and that of other models deleted; then batches. All while everything serves.
 */
export function reindexRoutes(parts: ReindexParts): readonly AdminRoute[] {
  return [{ method: "POST", path: "/admin/memory/reindex", handle: (request) => reindex(parts, request) }];
}

async function reindex(parts: ReindexParts, request: AdminRequest): Promise<Reindexed> {
  const body = ((await request.json()) ?? {}) as Readonly<Record<string, unknown>>;
  if (body.what === "words") return await renewWords(parts, request);
  if (body.what === "index") return await renewIndex(parts, body.begin === true, request);
  if (body.what !== "vectors") {
    throw new TroupeError('what must be "words", "vectors" or "index".', { code: "request.invalid" });
  }
  const model = parts.vectorModel();
  if (model === undefined) return { done: 0, isMore: false };
  if (body.begin === true) {
    const at = body.again === true ? parts.clock.now() : 0;
    await beginVectors(parts, { spaceId: request.principal.spaceId, model, at }, request);
  }
  const work = async (): Promise<Stretch> => {
    const { embedded, isMore } = await parts.vectorFiller.step(request);
    return { passed: embedded, isMore };
  };
  return { ...(await forAWhile(parts, work)), model };
}

async function renewWords(parts: ReindexParts, options: CallOptions): Promise<Reindexed> {
  const { search } = parts.stores;
  while ((await search.indexNew(INDEX_BATCH, options)) === INDEX_BATCH);
  return await forAWhile(parts, () => search.renew(BATCH, options));
}

/** An index that nobody asks any more is deleted. */
async function renewIndex(parts: ReindexParts, begins: boolean, options: CallOptions): Promise<Reindexed> {
  const index = parts.vectorIndex();
  const model = index === undefined ? undefined : parts.vectorModel();
  if (begins) await parts.stores.vectorIndex?.prune({ keep: model }, options);
  if (index === undefined || model === undefined) return { done: 0, isMore: false };
  if (begins) await index.renew({ model }, options);
  const work = async (): Promise<Stretch> => {
    const { taken, isMore } = await index.take({ model, limit: BATCH }, options);
    return { passed: taken, isMore };
  };
  return { ...(await forAWhile(parts, work)), model };
}

async function beginVectors(
  { stores, logger }: ReindexParts,
  of: { readonly spaceId: string; readonly model: string; readonly at: number },
  options: CallOptions,
): Promise<void> {
  const { unit, vectors } = stores;
  await unit.commit([vectors.renew(of)], options);
  const pruning = { spaceId: of.spaceId, keep: of.model, limit: PRUNE_BATCH };
  for (let pruned = 0; ; ) {
    const write = vectors.prune(pruning);
    const { count } = (await unit.commit([write], options)).read(write);
    pruned += count;
    if (count < PRUNE_BATCH) {
      logger.info("vectors.renewed", { model: of.model, all: of.at > 0, pruned });
      return;
    }
  }
}

interface Stretch {
  readonly passed: number;
  readonly isMore: boolean;
}

async function forAWhile({ clock }: ReindexParts, work: () => Promise<Stretch>): Promise<Reindexed> {
  const untilMs = clock.monotonicMs() + WORK_MS;
  for (let done = 0; ; ) {
    const { passed, isMore } = await work();
    done += passed;
    if (!isMore || clock.monotonicMs() >= untilMs) return { done, isMore };
  }
}
