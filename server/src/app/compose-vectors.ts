import type { Budgets, CallOptions, SearchStore, VectorIndexStore } from "@troupe/contracts";
import {
  createMeaningOfQuestion,
  createNearSearch,
  createVectorFiller,
  type IndexedSearch,
  loadVectors,
  type VectorFiller,
  type VectorMatch,
  type VectorSearch,
  withFeelings,
  withMeaning,
} from "../memory/index.ts";
import type { Foundation } from "./compose.ts";
import { SPACE } from "./compose-turns.ts";
import type { Config } from "./config/index.ts";
import { createPaidEmbedding } from "./embedder.ts";
import { isShared } from "./open-store.ts";
import { dutiesOf, type Role } from "./roles.ts";
import type { SwappableRouter } from "./swap-router.ts";

const LIST = "embedding";
const SHIPPED = "embedded/";
/**
 * Of what is told of though it shares no word. By the model that ships, one question in eight comes nearer to some line of a long
 * conversation that has nothing to do with it. Models of others put what is related at about a half; that was not measured.
 */
const LEAST_SCORE = { shipped: 0.6, other: 0.5 } as const;

/** What finds by meaning, and what keeps it up to date. */
export interface VectorParts {
  readonly vectorFiller: VectorFiller;
  /** As a turn recalls: words, and where it is set so their order by meaning and by how it feels. */
  readonly turnSearch: Pick<SearchStore, "search">;
  /** As somebody searches on purpose: what is near in meaning is found too. */
  readonly wideSearch: Pick<SearchStore, "search">;
  /** `provider/model` whose vectors are kept; undefined where none are. */
  readonly vectorModel: () => string | undefined;
  /** The index in the database, where it is the one that is used. */
  readonly vectorIndex: () => VectorIndexStore | undefined;
}

export interface VectorNeeds {
  readonly router: SwappableRouter;
  /** Composed after it. */
  readonly turns: () => { readonly budgets: Budgets };
  readonly config: () => Config;
  /** Closes what was opened. */
  readonly stack: AsyncDisposableStack;
}

/** What `recall.vectors` comes to, and by which model. */
export function vectorsOf({ models, recall }: Pick<Config, "models" | "recall">): {
  readonly use: "off" | "search" | "turns";
  readonly model: string;
} {
  const model = models[LIST]?.[0] ?? `${SHIPPED}words-128`;
  // Whoever named another model for callers of the API has not asked to pay for every message.
  return { model, use: recall.vectors ?? (model.startsWith(SHIPPED) ? "turns" : "off") };
}

export function composeVectors(foundation: Foundation, needs: VectorNeeds): VectorParts {
  const { stores, clock, logger, metrics } = foundation;
  const { router, config } = needs;
  const uses = (...some: readonly string[]): boolean => some.includes(vectorsOf(config()).use);
  const model = (): string => vectorsOf(config()).model;
  const vectorModel = (): string | undefined => (uses("search", "turns") ? model() : undefined);
  const paid = createPaidEmbedding({
    ...{ ...foundation, ...stores, router },
    budgets: {
      of: (...spender) => needs.turns().budgets.of(...spender),
      atLimit: (...at) => needs.turns().budgets.atLimit(...at),
    },
  });
  const embed = (
    request: { readonly model: string; readonly agentId?: string; readonly texts: readonly string[] },
    options: CallOptions,
  ) => {
    const spender = { spaceId: SPACE, agentId: request.agentId ?? "", peerId: "" };
    return paid({ spender, ownerId: "", name: request.model, texts: request.texts }, options);
  };
  const meaningOf = createMeaningOfQuestion({
    ...{ clock, logger, metrics, model, embed },
    waitMs: () => config().recall.waitMs,
  });
  const vectorIndex = () => (config().recall.index === "pgvector" ? stores.vectorIndex : undefined);
  const resident = openOnDemand(foundation, needs.stack);
  const indexed = indexedOnDemand(foundation);
  const vectors: Pick<VectorSearch, "search"> = {
    search: async (ask, call) =>
      vectorIndex() === undefined ? resident.search(ask, call) : ((await indexed())?.search(ask, call) ?? []),
  };
  const near = createNearSearch({
    ...{ ...stores, clock, logger, meaningOf, vectors },
    leastScore: (name) => LEAST_SCORE[name.startsWith(SHIPPED) ? "shipped" : "other"],
  });
  const vectorFiller = createVectorFiller({
    ...{ ...stores, clock, logger, metrics, embed, model: vectorModel, spaceId: SPACE },
    isMine: (call) => isFirst(foundation, config(), call),
    takeIn: async (name, call) =>
      (vectorIndex() === undefined ? undefined : (await indexed())?.step(name, call)) ?? { isMore: false },
  });
  return {
    ...{ vectorFiller, vectorModel, vectorIndex },
    turnSearch: withFeelings(
      withMeaning(stores.search, meaningOf, () => uses("turns")),
      () => config().memory.feelings === "on",
    ),
    wideSearch: {
      search: (query, call) => (uses("off") ? stores.search : near).search(query, call),
    },
  };
}

/** Among processes that share a store one embeds, the first by its id; alone, this one. */
async function isFirst(
  { stores, processId }: Foundation,
  config: Config,
  options: CallOptions,
): Promise<boolean> {
  if (!isShared(config)) return true;
  const living = (await stores.leases.list(options)).filter(
    ({ isAlive, role }) => isAlive && dutiesOf(role as Role).worksBehind,
  );
  return living.every(({ id }) => id >= processId);
}

/** Opened with the first search: most processes never search by meaning, and it holds memory. */
function openOnDemand(
  { stores, logger, metrics }: Foundation,
  stack: AsyncDisposableStack,
): Pick<VectorSearch, "search"> {
  let opened: Promise<VectorSearch> | undefined;
  const open = async (): Promise<VectorSearch> => {
    const { createVectorSearch } = await loadVectors();
    const search = createVectorSearch({ vectors: stores.vectors, logger });
    metrics.probe("vectors_resident_bytes", "Memory that searching by meaning holds", () => search.bytes);
    return search;
  };
  stack.defer(async () => {
    await (await opened)?.[Symbol.asyncDispose]();
  });
  return {
    async search(ask, options): Promise<readonly VectorMatch[]> {
      opened ??= open();
      return await (await opened).search(ask, options);
    },
  };
}

/** Search through the index in the database, for the first who needs it: those without one load none of its code. */
function indexedOnDemand({
  stores,
  clock,
  logger,
  metrics,
}: Foundation): () => Promise<IndexedSearch | undefined> {
  const { vectors, vectorIndex: index } = stores;
  let opened: Promise<IndexedSearch> | undefined;
  const open = async (): Promise<IndexedSearch | undefined> => {
    if (index === undefined) return undefined;
    const parts = { index, vectors, clock, logger, metrics };
    opened ??= loadVectors().then(({ createIndexedSearch }) => createIndexedSearch(parts));
    return opened;
  };
  return open;
}
