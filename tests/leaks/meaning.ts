// Recall by meaning, with the embedding model that ships: what is near is found though it shares no word.
import type { Audience, Clock, Logger, SearchStore, Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { Metrics } from "../../server/src/kit/index.ts";
import {
  createEmbeddedModels,
  createMeaningOfQuestion,
  createNearSearch,
  createVectorFiller,
  loadVectors,
  withMeaning,
} from "../../server/src/memory/index.ts";

const MODEL_ID = "words-128";
const MODEL = `embedded/${MODEL_ID}`;
/** Less than the product asks for, so that more of what is near is told. */
const LEAST_SCORE = 0.4;

/** Reads its table once. */
let source: ReturnType<typeof createEmbeddedModels> | undefined;

export interface Meaning extends AsyncDisposable {
  readonly turnSearch: Pick<SearchStore, "search">;
  readonly wideSearch: Pick<SearchStore, "search">;
  /** Embeds what was kept so far. Resolves with how many. */
  fill(): Promise<number>;
}

export async function composeMeaning(
  deps: Omit<Stores, "agents"> & {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly metrics: Metrics;
    /** For broken pieces: for whom meanings are searched. */
    readonly readersByMeaning: ((readers: Audience) => Audience) | undefined;
  },
): Promise<Meaning> {
  const { search, readersByMeaning } = deps;
  source ??= createEmbeddedModels();
  const model = source.embedding(MODEL_ID);
  if (model === undefined) throw new Error(`There is no ${MODEL}.`);
  const embed = ({ texts }: { readonly texts: readonly string[] }, call: { readonly signal: AbortSignal }) =>
    model.embed({ texts }, call);
  const meaningOf = createMeaningOfQuestion({ ...deps, embed, model: () => MODEL, waitMs: () => 10_000 });
  const { createVectorSearch } = await loadVectors();
  const vectors = createVectorSearch(deps);
  const near = { ...deps, meaningOf, vectors, leastScore: () => LEAST_SCORE };
  const filler = createVectorFiller({ ...deps, embed, model: () => MODEL, spaceId: DEFAULT_SPACE_ID });
  const signal = new AbortController().signal;
  return {
    turnSearch: withMeaning(search, meaningOf, () => true),
    wideSearch: {
      search(query, call) {
        if (readersByMeaning === undefined) return createNearSearch(near).search(query, call);
        // Words find what they should; meanings what the broken piece asks for.
        const { readers } = query;
        const byWords: Pick<SearchStore, "search"> = {
          search: (own, inner) => search.search({ ...own, readers }, inner),
        };
        const broken = createNearSearch({ ...near, search: byWords });
        return broken.search({ ...query, readers: readersByMeaning(readers) }, call);
      },
    },
    async fill() {
      let filled = 0;
      for (let isMore = true; isMore; ) {
        const step = await filler.step({ signal });
        filled += step.embedded;
        isMore = step.isMore;
      }
      return filled;
    },
    [Symbol.asyncDispose]: () => vectors[Symbol.asyncDispose](),
  };
}
