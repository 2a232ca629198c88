/** What an agent recalls, one call of a model beside turns, summaries of storylines, and the loop that keeps the search index up to date, and embedding models that need no server. */
export { type AskOnceDeps, askOnce } from "./ask-once.ts";
export { createDreamHandler, createDreamLoop, createReflectHandler } from "./dreams/index.ts";
export {
  createEmbeddedModels,
  createWordVectors,
  type EmbeddedModelsDeps,
  type WordVectors,
  type WordVectorsDeps,
} from "./embed/index.ts";
export { createExtractHandler } from "./extract-handler.ts";
export { feelingOf, withFeelings } from "./feelings.ts";
export { createIndexer, type Indexer, type IndexerDeps } from "./indexer.ts";
export type { KeptDocument, Knowledge } from "./knowledge/index.ts";
export { createLearnHandler, learningOf } from "./learn.ts";
export { createMemoryModule, type MemoryModuleDeps } from "./memory-module.ts";
export { createNearSearch, type NearSearchDeps } from "./near-search.ts";
export {
  createPeopleModule,
  createPersonBook,
  createProfileBook,
  type Familiarity,
  familiarityOf,
  joined,
  type Known,
  knownPeople,
  type PersonBook,
  type ProfileBook,
} from "./people/index.ts";
export {
  createMeaningOfQuestion,
  type MeaningOfQuestion,
  type QuestionMeaningDeps,
  withMeaning,
} from "./question-meaning.ts";
export { auditMemories, type MemoryAudit } from "./records-audit.ts";
export { eraseMemory } from "./records-erase.ts";
export { type UndoneMemory, undoMemory } from "./records-undo.ts";
export {
  createPlacer,
  createReplyWindow,
  createStorylineScorer,
  eachReplyRow,
  type Follow,
  type GroupMessage,
  loadMeaning,
  type MeaningOf,
  type OpenLine,
  PLACE_FEATURES,
  type PlacerDeps,
  placeRows,
  REPLY_FEATURES,
  type ReplyChoice,
  type ReplyContext,
  type ReplyWindow,
  readSaid,
  type Said,
  type StorylineScorer,
  tellFollow,
} from "./storylines/index.ts";
export { createSummaryHandler, type SummaryHandlerDeps } from "./summary-handler.ts";
export type {
  IndexedSearch,
  VectorFiller,
  VectorFillerDeps,
  VectorIndex,
  VectorMatch,
  VectorSearch,
  VectorSearchDeps,
} from "./vectors/index.ts";

/** Files and pages that agents are given; loaded when the first one is. */
export function loadKnowledge(): Promise<typeof import("./knowledge/index.ts")> {
  return import("./knowledge/index.ts");
}

export type { DifferentMemory, Snapshot, SnapshotDifference } from "./snapshots/index.ts";
export { createVectorFiller } from "./vectors/vector-filler.ts";
export {
  countOwnFiles,
  createGit,
  createSecretGuard,
  createVersions,
  createWorkspaceBook,
  createWorkspaceKeeper,
  createWorkspaceModule,
  createWorkspaceTools,
  eraseFromNightFiles,
  eraseOwnFiles,
  examineWorkspaces,
  type FilesChange,
  type FileText,
  type Git,
  hasWorkspace,
  type Kept,
  type LooksSecret,
  ownersOf,
  type Versions,
  type WorkspaceBook,
  type WorkspaceEraserDeps,
  type WorkspaceErasure,
  type WorkspaceFile,
  type WorkspaceKeeper,
  type WorkspacesDeps,
  type WorkspaceVersion,
} from "./workspace/index.ts";

/** What an agent keeps in mind as a file, and back again; loaded when it is asked for. */
export function loadSnapshots(): Promise<typeof import("./snapshots/index.ts")> {
  return import("./snapshots/index.ts");
}

/** A memory of conversations that another service keeps; loaded where one is configured. */
export function loadEpisodes(): Promise<typeof import("./episodes/index.ts")> {
  return import("./episodes/index.ts");
}

/** Vector search and what fills the store with vectors; whoever has no use for them does not load them. */
export function loadVectors(): Promise<typeof import("./vectors/index.ts")> {
  return import("./vectors/index.ts");
}
