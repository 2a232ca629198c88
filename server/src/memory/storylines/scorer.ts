import { PLACE_HIDDEN, PLACE_WEIGHTS } from "./coefficients/place.ts";
import { REPLY_HIDDEN, REPLY_WEIGHTS } from "./coefficients/reply.ts";
import { SHIFT_OFFSET, SHIFT_THRESHOLD, SHIFT_WEIGHTS } from "./coefficients/shift.ts";
import { type Net, netOf, scoreRow, sharesOf } from "./net.ts";
import { type OpenLine, PLACE_FEATURES, placeRows } from "./place-features.ts";
import { eachReplyRow, REPLY_FEATURES } from "./reply-features.ts";
import type { ReplyContext } from "./reply-window.ts";
import type { Said } from "./said.ts";
import { type Follow, tellFollow } from "./shift-features.ts";

/** Which message a group's message answers. */
export interface ReplyChoice {
  /** Number of the message in its window; the message's own where it answers none. */
  readonly answers: number;
  /** 0 to 1, together 1: answering none, then each earlier message, newest first. */
  readonly shares: readonly number[];
}

/** Arithmetic over words, signs, people and distance; no model, no clock, the same every time. */
export interface StorylineScorer {
  /** Whether a message leaves the subject of the ones before it. The first message of all leaves none. */
  isShift(follow: Follow): boolean;
  /** Which earlier message of a group a message answers. */
  chooseReply(context: ReplyContext): ReplyChoice;
  /**
   * 0 to 1, together 1: one share for each open storyline in their order, and a last one for beginning another, where
   * continuing, resuming and beginning are equally likely beforehand. `current` is the index of the storyline that the last
   * message belongs to.
   */
  placeShares(said: Said, lines: readonly OpenLine[], current: number): readonly number[];
}

export function createStorylineScorer(): StorylineScorer {
  const reply = netOf(REPLY_FEATURES, REPLY_HIDDEN, REPLY_WEIGHTS);
  const place = netOf(PLACE_FEATURES, PLACE_HIDDEN, PLACE_WEIGHTS);
  const shift = new Map(
    SHIFT_WEIGHTS.flatMap(([hundredths, names]) =>
      names.split("|").map((name): [string, number] => [name, hundredths / 100]),
    ),
  );

  return {
    isShift(follow) {
      if (follow.before.length === 0) return false;
      let score = SHIFT_OFFSET;
      tellFollow(follow, (name, amount) => {
        score += amount * (shift.get(name) ?? 0);
      });
      return score >= SHIFT_THRESHOLD;
    },
    chooseReply(context) {
      const scores: number[] = [];
      const sums = new Float64Array(reply.hidden);
      eachReplyRow(context, (row) => scores.push(scoreRow(reply, row, sums)));
      const shares = sharesOf(scores);
      const best = shares.indexOf(Math.max(...shares));
      return { answers: context.earlier[best - 1]?.number ?? context.entry.number, shares };
    },
    placeShares: (said, lines, current) => sharesIn(place, placeRows(said, lines, current)),
  };
}

function sharesIn(net: Net, rows: readonly Float64Array[]): number[] {
  const sums = new Float64Array(net.hidden);
  return sharesOf(rows.map((row) => scoreRow(net, row, sums)));
}
