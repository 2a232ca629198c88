import type {
  Agent,
  ClaimedTurn,
  Contribution,
  DirectCall,
  Effect,
  InstanceAction,
  Message,
  MessagePart,
  ModelCallRecord,
  ModelMessage,
  ModuleInstance,
  PlaceChoice,
  ToolSet,
  TraceEntry,
  TurnError,
  TurnStep,
  TurnView,
  Usage,
  Write,
} from "@troupe/contracts";
import type { Language } from "../kit/index.ts";
import type { TurnEmitter } from "./emitter.ts";
import type { SessionView } from "./session-views.ts";
import type { GatheredStanding } from "./standing.ts";
import type { TapeRecording } from "./tape.ts";
import type { Track } from "./tracks.ts";

/**
 * The six values of a turn. Each step takes the one before its own, so calling steps out of order does not compile.
 * What changes while a turn runs is only in `TurnRun`.
 */

/** What one attempt gathers on its way; made at its start, thrown away at its end. */
export interface TurnRun {
  readonly claimed: ClaimedTurn;
  readonly emitter: TurnEmitter;
  readonly trace: TraceEntry[];
  /** Messages of the turn known to this attempt, in order; steered ones are added while it runs. */
  readonly inbound: Message[];
  /** Messages that joined and that no model call has seen yet. */
  readonly arrived: Message[];
  /** Every model call that was paid for, those of earlier attempts included. */
  readonly calls: ModelCallRecord[];
  /** Entries of the journal that the store could not take when they came; they join the finishing commit. */
  readonly unkept: Write<unknown>[];
  readonly startedAtMs: number;
  /** UTC milliseconds at which its time is up. */
  readonly deadlineAt: number;
  /** Absent where the turn is not recorded. */
  readonly tape: TapeRecording | undefined;
  /** Enrichment that was begun beside the accepting commit. */
  readonly prepared: Gathering | undefined;
  /** Beyond what the accepting commit reserved, before the loop begins to count. */
  readonly before: { reservedMicroUsd: number };
}

/** Enrichment under way; each settles within its bound and never rejects. */
export type Gathering = readonly Promise<GatheredContribution>[];

export interface OpenedTurn {
  readonly run: TurnRun;
  readonly agent: Agent;
  readonly language: Language;
  readonly text: string;
  readonly session: SessionView;
  /** What the process before this one had journalled; empty on a first attempt. */
  readonly journal: readonly TurnStep[];
  /** The model calls of earlier attempts, as far as they were kept. */
  readonly paidBefore: readonly ModelCallRecord[];
  readonly view: TurnView;
  readonly gathering: Gathering;
  /** What modules show behind the instructions; a promise only where one of them reads. Never rejects. */
  readonly standing: readonly GatheredStanding[] | Promise<readonly GatheredStanding[]>;
  /** Under way where the session's awareness is made anew: whether it says something else then; never rejects. */
  readonly becomingAware: Promise<boolean> | undefined;
}

export interface GatheredContribution extends Contribution {
  readonly moduleId: string;
}

export interface PlacedTurn extends OpenedTurn {
  /** What the turn belongs to. */
  readonly storyline: { readonly id: string; readonly title: string; readonly isNew: boolean };
  /** The one that the session began with; it bears the session's title and summary. */
  readonly home: { readonly id: string; readonly title: string; readonly isNew: boolean };
  /** Of the storyline, in this session: what the prompt shows of it. */
  readonly track: Track;
  /** Others that the turn touches. */
  readonly sideIds: readonly string[];
  /** Undefined where nothing was weighed. */
  readonly placement: PlaceChoice | undefined;
}

/** What a module decided of its tasks: kept with an answer, or never. */
export interface DecidedModule {
  readonly moduleId: string;
  /** What it decided from. */
  readonly instances: readonly ModuleInstance[];
  readonly actions: readonly InstanceAction[];
  /** For the model, within the module's budget; empty where there is nothing to say. */
  readonly text: string;
  /** Of event and trace: `tasks: 1 added`; empty where nothing changes. */
  readonly detail: string;
}

export interface EquippedTurn extends PlacedTurn {
  readonly decided: readonly DecidedModule[];
  readonly tools: ToolSet;
  /** Those that Troupe runs. */
  readonly runnable: ToolSet;
  /** Names of those that the client runs. */
  readonly clientTools: ReadonlySet<string>;
  readonly path: { readonly kind: "loop" } | { readonly kind: "direct"; readonly call: DirectCall };
}

export interface ExecutedTurn extends EquippedTurn {
  /** What the assistant message will hold; empty when the turn failed before it said anything. */
  readonly parts: readonly MessagePart[];
  readonly reply: string;
  /** `suppressed`: the agent may say nothing, and does. */
  readonly state: "replied" | "failed" | "cancelled" | "dead" | "suppressed";
  readonly error: TurnError | undefined;
  readonly usage: Usage;
  readonly costMicroUsd: number;
  /** Reserved beyond what the accepting commit reserved. */
  readonly extraReservedMicroUsd: number;
  readonly calls: readonly ModelCallRecord[];
  /** Effects of transactional tools: they join the finishing commit, or never happen. */
  readonly toolWrites: readonly Write<unknown>[];
  /** Most tokens that the history may have in a prompt; undefined where no model was asked. */
  readonly historyBudget: number | undefined;
  /** What stood just before the newest message: what modules added, and what started the turn. */
  readonly added: ModelMessage | undefined;
}

export interface CommittedTurn extends ExecutedTurn {
  readonly messageId: string;
  readonly lastSeq: number;
  readonly outboxed: boolean;
  readonly effects: readonly Omit<Effect, "attempt" | "epoch">[];
}
