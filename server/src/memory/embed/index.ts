/** Embedding models that ship with Troupe. */
export { createEmbeddedModels, type EmbeddedModelsDeps } from "./embedded-models.ts";
