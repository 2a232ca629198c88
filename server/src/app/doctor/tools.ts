/** What the command `doctor` takes. */
export { type DoctorInput, examine } from "./examine.ts";
export { applyFixes, type Finding, type Fixed } from "./finding.ts";
export { type ModelCheck, modelFindings } from "./live.ts";
export { checkState } from "./state.ts";
export { INDEX_FINDING } from "./store.ts";
