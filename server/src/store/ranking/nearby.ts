/** How far from a message its conversation still says what it is about, in messages. */
export const NEAR = 3;

/** A message and those around it in its session. */
export interface Window {
  readonly row: number;
  readonly sessionId: string;
  readonly seq: number;
  /** `row * 8 + (their seq - seq) + 3` of each message around it, itself included. */
  readonly around: readonly number[];
}

/**
 * What a word counts that a neighbour holds and the message does not. Before counts more than after: a message is about
 * what led to it. Chosen by reasoning: half for the nearest, less the farther.
 */
const BEFORE = [0.5, 0.35, 0.15] as const;
const AFTER = [0.4, 0.35, 0.15] as const;
/** On top, where the message before asks: "Do you have a dog?" says what "Yes, Rex!" is about. */
const ANSWERS = 0.4;
/** A word in a question of its own: who asks does not know. */
const ASKED_ITSELF = 0.7;

export interface Spot {
  readonly row: number;
  readonly sessionId: string;
  readonly seq: number;
  readonly before: number | undefined;
}

/** Where found messages stand in their conversations. */
export interface Surroundings {
  /** Every message that was found, or stands near one. */
  readonly spots: readonly Spot[];
  /** Share of the asked words that a message is about, 0 to 1: its own words, and with less weight those around it. */
  shareOf(spot: Spot, told: Told): number;
}

/** What the texts say that the index does not; where they are not loaded yet, nothing is assumed. */
export interface Told {
  /** Bits of asked words in sentences that ask nothing. */
  readonly stated: number | undefined;
  readonly answersQuestion: boolean;
}

export function surroundingsOf(
  windows: readonly Window[],
  bitsOf: (row: number) => number,
  weightOf: (bits: number) => number,
): Surroundings {
  const sessions = new Map<string, Map<number, number>>();
  for (const { sessionId, seq, around } of windows) {
    const rows = sessions.get(sessionId) ?? new Map<number, number>();
    sessions.set(sessionId, rows);
    for (const one of around) rows.set(seq + (one % 8) - NEAR, Math.floor(one / 8));
  }
  const spots: Spot[] = [];
  for (const [sessionId, rows] of sessions) {
    for (const [seq, row] of rows) spots.push({ row, sessionId, seq, before: rows.get(seq - 1) });
  }
  return {
    spots,
    shareOf({ row, sessionId, seq }, { stated, answersQuestion }) {
      const rows = sessions.get(sessionId);
      const bitsAt = (place: number): number => {
        const there = rows?.get(place);
        return there === undefined ? 0 : bitsOf(there);
      };
      const own = bitsOf(row);
      let counted = stated === undefined ? own : own & stated;
      let share = weightOf(counted);
      const add = (bits: number, weight: number): void => {
        const fresh = bits & ~counted;
        if (fresh === 0) return;
        counted |= fresh;
        share += weight * weightOf(fresh);
      };
      // The best place of a word is the one that counts, so the heaviest come first.
      if (answersQuestion) add(bitsAt(seq - 1), BEFORE[0] + ANSWERS);
      add(own, ASKED_ITSELF);
      for (let far = 1; far <= NEAR; far++) {
        add(bitsAt(seq - far), BEFORE[far - 1] as number);
        add(bitsAt(seq + far), AFTER[far - 1] as number);
      }
      return share;
    },
  };
}
