/** The one way in, for every face and channel: gates, then one commit, then the turn. */

export type { InboxDeps, Outlay } from "./deps.ts";
export { neverAnswerYourself, notEmpty, rateLimited } from "./gates.ts";
export { createInbox } from "./inbox.ts";
export { createSharedIntake, type SharedIntake } from "./shared-intake.ts";
