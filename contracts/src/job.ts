/** Work on a schedule: jobs, their runs, and who may change either. */
import type { ReplyAddress } from "./inbox.ts";
import type { Audience } from "./message.ts";
import type { ClockSpan } from "./quiet-hours.ts";
import type { CallOptions, Page, PageQuery, WaitingCount } from "./runtime.ts";
import type { Write } from "./store.ts";

/**
 * `one_off`: once, at a time. `scheduled`: by a cron pattern. `recurring`: at an interval. `ongoing`: by pattern or
 * interval until a condition holds. Source: features NN-060, NN-061.
 */
export type JobKind = "one_off" | "scheduled" | "recurring" | "ongoing";

/**
 * `pending` waits for its one time, `active` for its next one, `blocked` for another job, `paused` for a person; `running`
 * has a run under way. The rest are ends. Source: feature NN-062.
 */
export type JobState =
  | "pending"
  | "active"
  | "running"
  | "paused"
  | "completed"
  | "failed"
  | "cancelled"
  | "blocked";

/** Exactly one of `at`, `cron` and `everyMs`. */
export interface JobSchedule {
  /** UTC milliseconds. */
  readonly at?: number;
  /** Five fields, read as wall-clock time of `zone`: 8 o'clock stays 8 o'clock when clocks are put back or forward. */
  readonly cron?: string;
  /** 60,000 (a minute) to 7,776,000,000 (90 days). */
  readonly everyMs?: number;
  /** IANA zone, frozen when the job is made. */
  readonly zone: string;
  /** Times outside of these hours are left out; the next one is then their beginning. Absent: all day. */
  readonly within?: ClockSpan;
}

/** One moment, said three ways; they are always written together. */
export interface JobTime {
  /** UTC milliseconds. */
  readonly at: number;
  /** `2026-03-29T08:00:00`, wall-clock time in `zone`. */
  readonly local: string;
  readonly zone: string;
}

/** `message`: a turn of the agent with this text. `reminder`: the text itself is what is said; no model is asked. */
export interface JobWork {
  readonly kind: "message" | "reminder";
  readonly text: string;
}

/** `session`: where it was asked for. `inbox`: that of its owner. */
export type JobDelivery = "session" | "inbox" | ReplyAddress;

/** When an `ongoing` job is over: whichever comes first. */
export interface JobUntil {
  /** In words; a word in quotation marks is looked for in what is said. */
  readonly condition?: string;
  readonly maxRuns?: number;
}

/** What a person chose. */
export interface JobSpec {
  readonly title: string;
  readonly kind: JobKind;
  readonly schedule: JobSchedule;
  readonly work: JobWork;
  readonly until?: JobUntil;
  readonly deliverTo: JobDelivery;
  /** Of times that passed while nobody was there: none is made up for, one is, or all of the last day. */
  readonly missed: "skip" | "one" | "all";
  /** Of times that pass during a run: left out, or run one after the other. */
  readonly overlap: "skip" | "queue";
  /** Ids of jobs that must have completed before. */
  readonly dependsOn: readonly string[];
  /** When one of those fails or is cancelled: this job fails too, or stays blocked until a person decides. */
  readonly onFailedDependency: "fail" | "hold";
  /** An answer that says nothing is not delivered. */
  readonly isSilent?: boolean;
  /** Does not wait for the end of quiet hours. */
  readonly evenWhenQuiet?: boolean;
  /**
   * Who knows what it says: whoever read along when it was written last. It is listed for them alone, and a run that somebody else
   * would hear says nothing of it. Absent: whoever hears its runs, as of jobs that are made elsewhere than in a conversation.
   */
  readonly audience?: Audience;
}

/** Where it came from. */
export interface JobOrigin {
  readonly sessionId?: string;
  readonly turnId?: string;
  /** Where the session's channel delivers to, if it delivers. */
  readonly replyTo?: ReplyAddress;
}

export interface NewJob {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  /** Id of the principal whose job it is. */
  readonly ownerId: string;
  /** Whom it is for. */
  readonly peerId: string;
  readonly spec: JobSpec;
  readonly origin: JobOrigin;
  readonly state: "pending" | "active" | "blocked";
  readonly next: JobTime;
  readonly createdAt: number;
}

/** A schedule as kept. */
export interface Job extends Omit<NewJob, "state" | "next"> {
  readonly state: JobState;
  /** Of an ended job, its last one. */
  readonly next: JobTime;
  /** Runs begun; the run under way, or the last, is `id.begun`. */
  readonly begun: number;
  /** Runs that a turn brought to an end. Counted by `JobRunStore.settle` alone. */
  readonly runs: number;
  /** Rises with every change that a person makes; such a change refuses what was worked out before it. */
  readonly revision: number;
  /** Why it is blocked or ended as it did. */
  readonly reason: string | undefined;
  readonly updatedAt: number;
  readonly endedAt: number | undefined;
}

/**
 * `starting`: claimed, its turn may not be there yet. `running`: its turn is on the way. `succeeded`, `failed`,
 * `cancelled`: as its turn ended. `skipped`: left out by policy. `lost`: its turn is gone, or took too long.
 */
export type JobRunState = "starting" | "running" | "succeeded" | "failed" | "cancelled" | "skipped" | "lost";

/** One run of a job. */
export interface JobRun {
  /** `jobId.n`, n from 1: also the idempotency key of its message. */
  readonly id: string;
  readonly jobId: string;
  readonly spaceId: string;
  readonly state: JobRunState;
  /** The time it stands for. */
  readonly dueAt: number;
  /** Claims of it; more than one: a process died, or the way in refused its message for now. */
  readonly attempt: number;
  readonly turnId: string | undefined;
  readonly messageId: string | undefined;
  readonly reason: string | undefined;
  readonly startedAt: number;
  /** By the database's clock; past it the run counts as lost and the job goes on. */
  readonly deadlineAt: number;
  readonly endedAt: number | undefined;
}

export interface JobQuery extends PageQuery {
  readonly spaceId: string;
  readonly agentId?: string;
  readonly ownerId?: string;
  /** Only those that have not ended. */
  readonly isOpen?: boolean;
}

/** What a person changes. Absent: left as it is. */
export interface JobChange {
  readonly spec?: JobSpec;
  readonly state?: Exclude<JobState, "running">;
  readonly next?: JobTime;
  /** `null`: none any more. */
  readonly reason?: string | null;
}

/** Jobs as people make and see them. */
export interface JobStore {
  /** The same id twice is one job. */
  put(job: NewJob): Write;
  /**
   * Guard `store.conflict`: the revision is old. An end blocks or fails the jobs that wait for this one, as they say, in the
   * same commit.
   */
  change(job: { readonly id: string; readonly revision: number }, change: JobChange, at: number): Write;
  get(job: { readonly spaceId: string; readonly id: string }, options: CallOptions): Promise<Job | undefined>;
  /** Newest first. */
  list(query: JobQuery, options: CallOptions): Promise<Page<Job>>;
  /** Agents and peers of open jobs that wait for a condition in words. */
  awaited(
    spaceId: string,
    options: CallOptions,
  ): Promise<readonly { readonly agentId: string; readonly peerId: string }[]>;
  /** Newest first. */
  runs(query: PageQuery & { readonly jobId: string }, options: CallOptions): Promise<Page<JobRun>>;
  /** Every dependency that is reached from these jobs, and those that they wait for. */
  needs(
    jobIds: readonly string[],
    options: CallOptions,
  ): Promise<readonly { readonly jobId: string; readonly needsId: string }[]>;
}

/** A job whose run this process may start. */
export interface ClaimedJob {
  readonly job: Job;
  readonly runId: string;
  readonly dueAt: number;
  readonly epoch: number;
  readonly attempt: number;
  /** When its run was claimed first, by the database's clock. */
  readonly claimedAt: number;
}

/** How a run ended, and what becomes of its job. */
export interface SettledRun {
  readonly runId: string;
  readonly jobId: string;
  /** Of the job, as it was read. */
  readonly revision: number;
  readonly state: Exclude<JobRunState, "starting" | "running">;
  readonly turnId?: string;
  readonly messageId?: string;
  readonly reason?: string;
  readonly at: number;
  /** `next` of a job that goes on. A job that a person paused stays so unless this is an end. */
  readonly job: { readonly state: "active" | "completed" | "failed"; readonly next: JobTime };
}

/** What waits and runs of one space. */
export interface JobCounts {
  readonly open: number;
  readonly running: number;
  /** Those whose time has come, since when by the oldest. */
  readonly due: WaitingCount;
  /** When the earliest of those that wait is due, UTC milliseconds. */
  readonly nextAt: number | undefined;
}

/** Custody of runs: claims are by lease and epoch, by the database's clock. */
export interface JobRunStore {
  /**
   * Claims jobs whose time has come, opening a run of each in the same commit; and anew those whose starter lost its lease,
   * with the run they had, also where the job has ended since. Whoever asks keeps its own for as long as it said, whatever
   * became of its process's lease. A held space gives none. Oldest first.
   */
  claim(query: {
    readonly owner: string;
    readonly leaseMs: number;
    readonly runMs: number;
    readonly limit: number;
  }): Write<readonly ClaimedJob[]>;
  /** Guard `store.conflict`: the run has ended, or its job was cancelled or ended otherwise, so nothing of it may begin. */
  mayBegin(run: { readonly runId: string; readonly jobId: string }): Write;
  /** The run's turn is there; does nothing to one that has ended. Tells the state of its job. */
  started(run: {
    readonly runId: string;
    readonly jobId: string;
    readonly epoch: number;
    readonly turnId: string;
  }): Write<{ readonly jobState: JobState | undefined }>;
  /**
   * Guard `store.conflict`: another claimed it since. The same run is claimed again after `delayMs`, has as much longer, and
   * shows `reason` meanwhile.
   */
  postpone(
    claim: { readonly jobId: string; readonly epoch: number },
    delayMs: number,
    reason?: string,
  ): Write;
  /**
   * Guard `store.conflict`: the run has ended, or a person changed the job. The job moves on with its newest run alone, and
   * those that waited for it with it.
   */
  settle(run: SettledRun): Write;
  /**
   * Moves on what two ends in the same moment left, or an end while its dependant was made: every blocked job that waits for
   * nothing any more; those that wait for one that failed or was cancelled fail or are held, as they say.
   */
  release(at: number): Write<{ readonly count: number }>;
  /** Runs whose turn ended or vanished and left nobody to tell of it, and those past their deadline. */
  stuck(options: CallOptions): Promise<readonly JobRun[]>;
  /**
   * Time by the store's clock until a claim of this owner would give the next one, negative for one that is overdue; 0 for one
   * whose starter has lost its lease.
   */
  untilDueMs(owner: string, options: CallOptions): Promise<number | undefined>;
  counts(spaceId: string, options: CallOptions): Promise<JobCounts>;
}
