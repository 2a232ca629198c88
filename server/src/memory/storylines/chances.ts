/** How likely a turn continues, resumes or begins before anything is said; the nets see the three alike often. */
interface Chances {
  readonly current: number;
  /** Of each other open storyline. */
  readonly other: number;
  readonly begin: number;
}

const HOUR_MS = 3_600_000;
/** After so long nobody is in the middle of anything. */
const FRESH_START_HOURS = 24;
/** Going on elsewhere than now must be that likely; a wrong turn costs more than one that is missed. */
const SURE = 0.65;
/** Where neither going on nor something else is sure, and the second best is at least that likely, a model may be asked. */
const POSSIBLE = 0.25;
/** What a side storyline must share. */
const SIDE = 0.1;
const MOST_SIDES = 2;

/**
 * Chosen by hand so that of a hundred turns that go on with their subject at most one is put elsewhere, measured on chats that
 * the scorer had not seen. Fewer go on after a pause.
 */
function chancesAfter(pauseMs: number): Chances {
  const pause = Math.min(1, Math.max(0, pauseMs) / HOUR_MS / FRESH_START_HOURS);
  return { current: 0.84 - 0.4 * pause, other: 0.1, begin: 0.08 + 0.2 * pause };
}

/** What was decided: an index of the open storylines, or their number for beginning another. */
export interface Decision {
  readonly choice: number;
  /** Indexes of others that the turn touches. */
  readonly sides: readonly number[];
  /** Indexes that it may be as well, likeliest first, the choice among them; empty where the arithmetic is sure. */
  readonly unsure: readonly number[];
}

/** Weighs shares by chances. `elsewhere` says which open storylines come from other sessions. */
export function decide(
  shares: readonly number[],
  { current, pauseMs, elsewhere }: { current: number; pauseMs: number; elsewhere: readonly boolean[] },
): Decision {
  const chances = chancesAfter(pauseMs);
  const last = shares.length - 1;
  const weighed = shares.map((share, at) => {
    if (at === current) return share * chances.current;
    if (at === last) return share * chances.begin;
    return share * chances.other * (elsewhere[at] === true ? 0.5 : 1);
  });
  const sum = weighed.reduce((total, one) => total + one, 0) || 1;
  const likely = weighed.map((one) => one / sum);
  const order = likely.map((_, at) => at).sort((left, right) => (likely[right] ?? 0) - (likely[left] ?? 0));
  const best = order[0] ?? last;
  const isSure = (likely[best] ?? 0) >= SURE;
  // Where nothing was said yet there is nothing to go on with.
  const wayOut = current < 0 ? last : current;
  const choice = isSure ? best : wayOut;
  const sides = order
    .filter((at) => at !== choice && at !== last && (likely[at] ?? 0) >= SIDE)
    .slice(0, MOST_SIDES);
  const possible = order.filter((at) => at === choice || (likely[at] ?? 0) >= POSSIBLE);
  return { choice, sides, unsure: isSure || possible.length < 2 ? [] : possible };
}
