/** What may be asked of schedules, by people, models and programs alike. */
import type { Job, JobDelivery, JobOrigin, JobSpec } from "./job.ts";
import type { Audience } from "./message.ts";
import type { CallOptions } from "./runtime.ts";

/** A job as it is written. Exactly one of `when`, `at`, `inSeconds`, `cron` and `everyMinutes`, unless it waits for other jobs. */
export interface JobInput {
  /** At most 120 characters; absent: the beginning of the text. */
  readonly title?: string;
  /** What the agent is to do, or the reminder itself; at most 8,000 characters. */
  readonly text?: string;
  readonly isReminder?: boolean;
  /** In words, English or Ukrainian: `tomorrow at 9`, `every Monday at 8`; read in `zone`. Stands for one of those below. */
  readonly when?: string;
  /** ISO 8601 with an offset, or wall-clock time (`2026-11-21 18:30`) in `zone`. */
  readonly at?: string;
  readonly inSeconds?: number;
  /** Five fields, wall-clock time in `zone`. */
  readonly cron?: string;
  /** 1 to 129,600. */
  readonly everyMinutes?: number;
  /** IANA zone; absent: that of the configuration, or of the machine. */
  readonly zone?: string;
  /** In words; words in quotation marks are looked for. */
  readonly until?: string;
  readonly maxRuns?: number;
  readonly deliverTo?: JobDelivery;
  readonly missed?: JobSpec["missed"];
  readonly overlap?: JobSpec["overlap"];
  /** Ids of jobs of the same owner. */
  readonly dependsOn?: readonly string[];
  readonly onFailedDependency?: JobSpec["onFailedDependency"];
  /** Made although there is an open job with a title that says the same. */
  readonly allowSimilar?: boolean;
  /** The agent may answer `NO_REPLY`: then nobody hears of that run. */
  readonly isSilent?: boolean;
  /** Its runs do not wait for the end of quiet hours. */
  readonly evenWhenQuiet?: boolean;
}

/** Whose job it is, and where it is asked for. */
export interface JobAsker {
  readonly spaceId: string;
  readonly agentId: string;
  readonly ownerId: string;
  readonly peerId: string;
  readonly origin: JobOrigin;
  /** Everyone who reads the answer: a refusal names no job of which they may not hear. Absent: the owner alone reads it. */
  readonly audience?: Audience;
}

/** `run`: its time is now. */
export type JobAction = "pause" | "resume" | "cancel" | "run";

/**
 * Makes and changes jobs; each resolves with the job as it is kept then. Refusals are `request.invalid`, `request.not_found`
 * and `request.conflict`, one sentence each; `store.conflict`: somebody changed it meanwhile.
 */
export interface JobPort {
  /** The same `id` twice is one job, as it was made first. */
  create(id: string, input: JobInput, asker: JobAsker, options: CallOptions): Promise<Job>;
  /** What is absent stays as it is. */
  update(job: Job, input: JobInput, options: CallOptions): Promise<Job>;
  /** A run under way goes on when its job is paused, and is stopped when it is cancelled. */
  act(job: Job, action: JobAction, options: CallOptions): Promise<Job>;
}
