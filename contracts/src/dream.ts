/** What happens to memories at night: those that help are held fast, those that nobody asks for fade. */
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";

/** A memory that was shown for questions of one kind. */
export interface MemoryRecall {
  readonly memoryId: string;
  /** The same for the same question, in whatever order of words. */
  readonly asked: string;
  readonly times: number;
  /** Sum of how well it fitted each time, 0 to 1. */
  readonly weight: number;
}

/** How a memory was recalled since some day. */
export interface RecallStanding {
  readonly memoryId: string;
  readonly recalls: number;
  /** Different days, and different questions. */
  readonly days: number;
  readonly questions: number;
  /** How well it fitted, on average: 0 to 1. */
  readonly relevance: number;
  /** UTC milliseconds of the last day's beginning. */
  readonly lastDayAt: number;
}

/** What one night did to the memories of one agent. */
export interface Dream {
  readonly spaceId: string;
  readonly agentId: string;
  /** `2026-11-21`: the day that it began, in the zone of the home. */
  readonly night: string;
  readonly promoted: number;
  readonly archived: number;
  /** Records made of several that faded. */
  readonly summaries: number;
  /** UTC milliseconds. */
  readonly at: number;
}

export interface DreamStore {
  /** Counts that these were shown, by day and question; closed ones and pieces of documents are passed over. */
  recalled(of: {
    readonly spaceId: string;
    readonly at: number;
    readonly recalls: readonly MemoryRecall[];
  }): Write;
  /** Open records of the agent that were shown so often since a time and are not promoted; the most often shown first. */
  standings(
    query: {
      readonly spaceId: string;
      readonly agentId: string;
      readonly since: number;
      readonly minRecalls: number;
      readonly limit: number;
    },
    options: CallOptions,
  ): Promise<readonly RecallStanding[]>;
  /** Holds an open record fast: it fades no more, and counts as one that matters. Does nothing to a promoted one. */
  promote(memory: { readonly spaceId: string; readonly id: string; readonly at: number }): Write;
  /** One for an agent and night; the same again changes nothing. Nights of more than 400 days before it are forgotten. */
  keep(dream: Dream): Write;
  get(of: Pick<Dream, "spaceId" | "agentId" | "night">, options: CallOptions): Promise<Dream | undefined>;
  /** The latest first. */
  list(
    query: { readonly spaceId: string; readonly agentId?: string | undefined; readonly limit: number },
    options: CallOptions,
  ): Promise<readonly Dream[]>;
  /** Forgets when memories were shown before a time: they are looked at no more. */
  prune(before: number): Write;
}
