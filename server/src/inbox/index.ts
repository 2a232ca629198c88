/** The one way in, for every face and channel: gates, then one commit, then the turn. */

export type { InboxDeps, Reservation } from "./deps.ts";
export { neverAnswerYourself, notEmpty, rateLimited } from "./gates.ts";
export { createInbox } from "./inbox.ts";
export { createRateLimit, type RateLimit } from "./rate-limit.ts";
