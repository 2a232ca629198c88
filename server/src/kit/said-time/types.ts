/** A time as somebody said it, before it is asked what time it is, and where. */
export type SaidTime =
  | { readonly kind: "in"; readonly seconds: number }
  | { readonly kind: "every"; readonly minutes: number }
  /** A cron pattern of five fields. */
  | { readonly kind: "pattern"; readonly cron: string }
  | { readonly kind: "at"; readonly day?: SaidDay; readonly clock?: SaidClock }
  /** About time, but not to be understood: an interval of days with a time of day, for one. */
  | { readonly kind: "unclear" };

export type SaidDay =
  | { readonly kind: "in"; readonly days: number }
  /** 0 is Sunday. `isNext`: not today. */
  | { readonly kind: "weekday"; readonly weekday: number; readonly isNext: boolean }
  | { readonly kind: "date"; readonly year?: number; readonly month: number; readonly day: number };

export interface SaidClock {
  readonly hour: number;
  readonly minute: number;
}

/** A word of a text, in lower case with plain apostrophes, and where it stands. */
export interface TimeToken {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What was read, and the token behind it. */
export interface Read<Value> {
  readonly value: Value;
  readonly next: number;
}

export type Tokens = readonly TimeToken[];
