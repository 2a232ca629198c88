/** Embedding models that ship with Troupe. */
export { createEmbeddedModels, type EmbeddedModelsDeps } from "./embedded-models.ts";
export { createWordVectors, type WordVectors, type WordVectorsDeps } from "./word-vectors.ts";
