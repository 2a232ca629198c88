/** What an agent recalls, one call of a model beside turns, summaries of storylines, and the loop that keeps the search index up to date. */
export { type AskOnceDeps, askOnce } from "./ask-once.ts";
export { createIndexer, type Indexer, type IndexerDeps } from "./indexer.ts";
export { createMemoryModule, type MemoryModuleDeps } from "./memory-module.ts";
export { createSummaryHandler, type SummaryHandlerDeps } from "./summary-handler.ts";
