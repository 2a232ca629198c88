/** Files and pages that agents are given: fetched, taken apart, kept as pieces that recall finds. */
export { createKnowledge, type GivenDocument, type KeptDocument, type Knowledge } from "./knowledge.ts";
export { mediaTypeOf, nameOf } from "./names.ts";
export { readOnThread } from "./read-thread.ts";
