/** What a subject is told. */
export interface BenchOptions {
  /** Multiplies how long a subject works; 1 is meant for figures that are quoted. */
  readonly scale: number;
  /** How often measurements are repeated; a figure is the median. */
  readonly rounds: number;
  /** A file from outside that the subject measures on; never part of this repository. */
  readonly data?: string | undefined;
  /** Chats from outside that storylines are measured on: files and a folder. */
  readonly chats?: ChatPaths;
  /** Tells people how far it is. */
  progress(line: string): void;
}

export interface ChatPaths {
  readonly tiage?: string | undefined;
  readonly irc?: string | undefined;
  readonly dialogs?: string | undefined;
}
