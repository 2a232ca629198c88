import type { Agent } from "./agent.ts";
import type { EffectHandler } from "./effect.ts";
import type { AnyHook } from "./hooks.ts";
import type { Message } from "./message.ts";
import type {
  IfDependencyFails,
  ModuleCallbacks,
  ModuleInstance,
  ModuleInstanceOutcome,
} from "./module-instance.ts";
import type { CallOptions } from "./runtime.ts";
import type { Write } from "./store.ts";
import type { Tool } from "./tool.ts";
import type { SourceReference, Trigger } from "./turn.ts";

/** A turn as modules see it: what it is about and who will read its answer. */
export interface TurnView {
  readonly turnId: string;
  readonly spaceId: string;
  readonly agent: Agent;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly trigger: Trigger;
  readonly audience: readonly string[];
  readonly peerId: string;
  readonly inbound: readonly Message[];
  readonly language: string;
  /** Oldest `turnSeq` whose messages the prompt shows as they are; what lies before may be recalled. */
  readonly shownFromTurnSeq: number;
  /**
   * Of a session that holds several storylines: the turns that the prompt shows. What else was said in the session may be
   * recalled, however new it is. Absent: it shows all from `shownFromTurnSeq` on.
   */
  readonly shownTurns?: ReadonlySet<number>;
}

/** What a module adds to the prompt of one turn. */
export interface Contribution {
  /**
   * Shown to the model just before the newest message, and kept there in the history of later prompts, so that their
   * prefix stays the same. Of several lines the first is a heading; a line that the prompt still shows from an earlier turn
   * is left out. Empty: nothing to add.
   */
  readonly text: string;
  /** Short, for progress and trace: "2 memories". */
  readonly detail?: string;
  /** Of what a module is aware of: how `turn show --prompt` names it. Default `awareness`. */
  readonly block?: string;
  /** What the text shows of earlier messages and memories; kept with the turn. */
  readonly sources?: readonly SourceReference[];
}

/** Texts of the agent's own, as prompts show them right behind its instructions. */
export interface Standing {
  /** In their order; each is named so by `turn show --prompt`. */
  readonly blocks: readonly StandingBlock[];
}

export interface StandingBlock {
  /** `workspace SOUL.md`. */
  readonly block: string;
  readonly text: string;
  /** Short, why it is shown and to whom. */
  readonly why: string;
}

/** Most actions of one decision. */
export const MAX_INSTANCE_ACTIONS: number = 32;
/** Most instances of a module along one storyline that have not ended. */
export const MAX_OPEN_INSTANCES: number = 100;

/** What a module decides from. */
export interface DecisionView extends TurnView {
  readonly storyline: { readonly id: string; readonly title: string };
  /** The module's own instances along the storyline that have not ended and that all readers may know of, oldest first. */
  readonly instances: readonly ModuleInstance[];
}

export interface AddedInstance {
  /** Unique within the decision, for `dependsOn`; the id is made from it, so the same decision again adds nothing twice. */
  readonly key: string;
  readonly title: string;
  /** Version of the payload. */
  readonly v: number;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Keys of the same decision, or ids of instances of the view. Blocked until all of them are done. */
  readonly dependsOn?: readonly { readonly on: string; readonly ifFails?: IfDependencyFails }[];
  readonly callbacks?: ModuleCallbacks;
}

/** Whatever is not named is kept as it is. */
export type InstanceAction =
  | ({ readonly kind: "add" } & AddedInstance)
  | {
      readonly kind: "update";
      readonly id: string;
      readonly title: string;
      readonly v: number;
      readonly payload: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: "remove";
      readonly id: string;
      readonly outcome: ModuleInstanceOutcome;
      readonly reason: string;
    };

/** At most `MAX_INSTANCE_ACTIONS` actions, one for each instance; `MAX_OPEN_INSTANCES` may be open after them. */
export interface ModuleDecision {
  readonly actions: readonly InstanceAction[];
  /**
   * Shown to the model in this turn, before what the module gathered and within the same budget: what stands by this
   * decision. As with a contribution, a line that the prompt still shows from an earlier turn is left out.
   */
  readonly text?: string;
}

/** Rules that come to no end by themselves name what there is to choose from. */
export interface UnsureDecision {
  /** Asked of a model where the configuration allows it, with the newest messages above it. */
  readonly question: string;
  /** Two to eight, by names that a model is shown; it answers with one of them. */
  readonly choices: Readonly<Record<string, ModuleDecision>>;
  /** Taken where no model is asked, or none answers. */
  readonly otherwise: ModuleDecision;
}

/**
 * Everything that memory, people, jobs and worlds bring into turns: context, tools, hooks, post-turn work and tasks.
 * Modules never know each other. An agent has all of them, those that its `modules` names, or all but those of `without`.
 */
export interface Module {
  /** `[a-z][a-z0-9_-]*`, at most 32 characters; what blueprints name. */
  readonly id: string;
  /** Most tokens of its contribution; the assembler cuts what is over. */
  readonly budgetTokens: number;
  /** Longest time that a turn waits for `gather`, milliseconds. Default: as turns wait for modules, 250. */
  readonly waitMs?: number;
  /**
   * Adds context. Begins with the turn and is waited for within a bound only: enrichment fails open, a late or failed
   * module makes a shorter prompt.
   */
  gather?(turn: TurnView, options: CallOptions): Promise<Contribution>;
  /**
   * What it knows that changes seldom, of the agent and of those it talks with. Shown right behind the agent's instructions, so it
   * is asked seldom too: in the first turn of a conversation in this process, after a pause, and when the readers changed. After
   * a memory was closed or deleted, or a link between names changed, it is given what it said last, as `told`, and answers undefined where all of that still
   * stands, for a prompt that begins otherwise is paid for anew. Fails open as `gather` does.
   */
  aware?(turn: TurnView, options: CallOptions, told?: Contribution): Promise<Contribution | undefined>;
  /**
   * Texts that stand right behind the agent's instructions and may be other ones in each turn; the same object while nothing of
   * them changed, for all that a provider has cached stands behind it. They take a quarter of the model's window at most. Asked in
   * each turn that asks a model, so it answers at once where there is nothing. Waited for two seconds at most; fails open as
   * `gather` does.
   */
  standing?(turn: TurnView, options: CallOptions): Standing | undefined | Promise<Standing | undefined>;
  /** Offered to agents that have the module and name no tools, or name these. */
  readonly tools?: readonly Tool[];
  readonly hooks?: readonly AnyHook[];
  /** Handlers of the effects that its tools, hooks and tasks put. */
  readonly effects?: readonly EffectHandler[];
  /**
   * Adds, changes or ends the module's tasks along the storyline. Asked in each turn that a model answers, before it; within
   * the bound of gathering; not in a call that keeps no conversation. What it says joins the commit that ends the turn, if
   * that is an answer. One that throws, is late or says what cannot be kept changes nothing, all of it. May be asked again
   * for the same turn, by a later attempt.
   */
  decide?(
    view: DecisionView,
    options: CallOptions,
  ): ModuleDecision | UnsureDecision | undefined | Promise<ModuleDecision | UnsureDecision | undefined>;
}

/** Ends of tasks outside of decisions: by a module's tools and the handlers of its effects. */
export interface ModuleTasks {
  /**
   * Writes that end an instance, with its callback, and settle what depends on it. To be kept in one commit: those that a
   * transactional tool or a handler of effects returns. One that has ended already stays as it ended.
   */
  end(
    instance: ModuleInstance,
    end: {
      readonly outcome: ModuleInstanceOutcome;
      readonly reason: string;
      /** The turn that this belongs to. */
      readonly turnId: string;
    },
  ): readonly Write<unknown>[];
}

/** One that surely adds context. */
export type ContextModule = Module & Required<Pick<Module, "gather">>;
