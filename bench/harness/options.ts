/** What a subject is told. */
export interface BenchOptions {
  /** Multiplies how long a subject works; 1 is meant for figures that are quoted. */
  readonly scale: number;
  /** How often measurements are repeated; a figure is the median. */
  readonly rounds: number;
  /** Tells people how far it is. */
  progress(line: string): void;
}
