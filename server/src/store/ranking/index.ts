/** How what a search finds is ordered, the same for every database. */

export { asks } from "./hints.ts";
export type { Found, Kind } from "./hits.ts";
export { NEAR, type Window } from "./nearby.ts";
export { QUESTION_VALUES, type Question, questionOf } from "./question.ts";
export {
  type Candidate,
  hitsAmong,
  NO_ROW,
  OLDER,
  type Ranking,
  type Records,
  rankByWords,
  rankingOf,
  type Scored,
  type Shortlist,
} from "./rank.ts";
export { base64Of } from "./vector-text.ts";
