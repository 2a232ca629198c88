/** What an agent recalls, summaries of storylines, and the loop that keeps the search index up to date. */
export { createIndexer, type Indexer, type IndexerDeps } from "./indexer.ts";
export { createMemoryModule, type MemoryModuleDeps } from "./memory-module.ts";
export { createSummaryHandler, type SummaryHandlerDeps } from "./summary-handler.ts";
