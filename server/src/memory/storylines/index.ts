export type { GroupMessage } from "./heard.ts";
export { loadMeaning, type MeaningOf } from "./meaning.ts";
export { type OpenLine, PLACE_FEATURES, placeRows } from "./place-features.ts";
export { createPlacer, type PlacerDeps } from "./placer.ts";
export { eachReplyRow, REPLY_FEATURES } from "./reply-features.ts";
export { createReplyWindow, type ReplyContext, type ReplyWindow } from "./reply-window.ts";
export { readSaid, type Said } from "./said.ts";
export { createStorylineScorer, type ReplyChoice, type StorylineScorer } from "./scorer.ts";
export { type Follow, tellFollow } from "./shift-features.ts";
