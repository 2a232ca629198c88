// What stands outside of all processes and watches: the order in which things really happened, whatever any clock said.

export interface SeenStep {
  readonly flowId: string;
  readonly n: number;
  readonly reason: string;
  readonly atMs: number;
}

export interface SeenHandling {
  readonly effectId: string;
  readonly process: string;
  readonly fromMs: number;
  /** Undefined: it never ended, since its process was gone. */
  untilMs: number | undefined;
}

export interface Seen {
  /** Calls of the model, by the words that were open. */
  readonly asked: { readonly words: readonly string[]; readonly atMs: number }[];
  /** Runs of steps, also those of which nothing was kept. */
  readonly steps: SeenStep[];
  readonly handlings: SeenHandling[];
  /** When the commit that ended a turn took effect. */
  readonly turnEnds: Map<string, number>;
  /** When a turn was opened. */
  readonly turnBegins: Map<string, number>;
}

export function createSeen(): Seen {
  return {
    ...{ asked: [], steps: [], handlings: [] },
    ...{ turnEnds: new Map(), turnBegins: new Map() },
  };
}
