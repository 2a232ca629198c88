import { type CallOptions, type Clock, type Logger, type Stores, TroupeError } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import type { VectorFiller } from "../memory/index.ts";

/** One request makes anew for so long; whoever asked asks again, and may leave in between. */
const WORK_MS = 1_000;
const BATCH = 200;
const INDEX_BATCH = 1_000;
const PRUNE_BATCH = 500;

interface ReindexParts {
  readonly stores: Pick<Stores, "unit" | "search" | "vectors">;
  readonly vectorFiller: Pick<VectorFiller, "step">;
  readonly vectorModel: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What one request did of making the index of words, or the vectors, anew. */
export interface Reindexed {
  /** Records indexed, or embedded. */
  readonly done: number;
  readonly isMore: boolean;
  /** `provider/model` of the vectors; absent with words, and where no vectors are kept. */
  readonly model?: string;
}

/**
 * `words`: the index of words, stretch by stretch, from where an earlier request stopped. `vectors`: with `begin` what lacks a vector is looked
 * for from the first record on, and with `again` too all are made anew; then batches, until none is due. Both while everything serves.
 */
export function reindexRoutes(parts: ReindexParts): readonly AdminRoute[] {
  return [{ method: "POST", path: "/admin/memory/reindex", handle: (request) => reindex(parts, request) }];
}

async function reindex(parts: ReindexParts, request: AdminRequest): Promise<Reindexed> {
  const body = ((await request.json()) ?? {}) as Readonly<Record<string, unknown>>;
  if (body.what === "words") return await renewWords(parts, request);
  if (body.what !== "vectors") {
    throw new TroupeError('what must be "words" or "vectors".', { code: "request.invalid" });
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
