/** Vector search in memory: rounded rows searched whole, the best of them scored exactly; and what fills the store with vectors. */
export { Bitmap } from "./bitmap.ts";
export { createIndexedSearch, type IndexedSearch, type IndexedSearchDeps } from "./indexed-search.ts";
export { type ExactQuery, searchExactly } from "./rescore.ts";
export { createVectorFiller, type VectorFiller, type VectorFillerDeps } from "./vector-filler.ts";
export {
  createVectorIndex,
  type VectorHit,
  type VectorIndex,
  type VectorIndexOptions,
  type VectorQuery,
} from "./vector-index.ts";
export type { VectorAsk, VectorMatch } from "./vector-matches.ts";
export { createVectorSearch, type VectorSearch, type VectorSearchDeps } from "./vector-search.ts";
