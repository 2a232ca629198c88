/** Tasks that modules keep along a storyline. */
import type { EffectDraft } from "./hooks.ts";
import type { Audience } from "./message.ts";
import type { CallOptions, Page, PageQuery } from "./runtime.ts";
import type { Write } from "./store.ts";

/** `blocked` waits for others; `archived` has ended and never changes again. */
export type ModuleInstanceState = "active" | "blocked" | "archived";
export type ModuleInstanceOutcome = "done" | "failed" | "removed";

/** What becomes of an instance when one that it depends on does not end `done`: it stays blocked, or fails too. */
export type IfDependencyFails = "hold" | "fail";

export interface ModuleDependency {
  readonly id: string;
  readonly ifFails: IfDependencyFails;
}

/**
 * Effects that are kept in the very commit that changes the instance, each once however often that is tried;
 * `instanceId` is added to their payload. What became of the instance since is for the handler to look at.
 */
export interface ModuleCallbacks {
  /** When a blocked instance becomes active, or one is added active. */
  readonly whenActive?: EffectDraft;
  /** When it has ended, however; `outcome` is added too. */
  readonly whenEnded?: EffectDraft;
}

export interface NewModuleInstance {
  readonly id: string;
  readonly spaceId: string;
  readonly agentId: string;
  readonly moduleId: string;
  /** Where it was added, and by which turn; it goes when the session is deleted. */
  readonly sessionId: string;
  readonly turnId: string;
  /** The first storyline that it is linked to. */
  readonly storylineId: string;
  readonly audience: Audience;
  /** One line for people and models. */
  readonly title: string;
  /** Version of the payload, the module's own. */
  readonly v: number;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly state: "active" | "blocked";
  readonly dependsOn: readonly ModuleDependency[];
  readonly callbacks: ModuleCallbacks;
  /** UTC milliseconds. */
  readonly createdAt: number;
}

export interface ModuleInstance extends Omit<NewModuleInstance, "storylineId" | "dependsOn" | "state"> {
  readonly state: ModuleInstanceState;
  readonly outcome: ModuleInstanceOutcome | undefined;
  /** Why it ended. */
  readonly reason: string | undefined;
  readonly updatedAt: number;
  readonly endedAt: number | undefined;
}

export interface DependencyStatus extends ModuleDependency {
  /** Undefined for one that is gone: its session was deleted. */
  readonly state: ModuleInstanceState | undefined;
  readonly outcome: ModuleInstanceOutcome | undefined;
}

export interface ModuleInstanceStore {
  /** Keeps an instance with its link and dependencies. The same id again changes nothing. */
  add(instance: NewModuleInstance): Write;
  /** Links an instance to a further storyline. The same again, or one that is gone, changes nothing. */
  link(link: {
    readonly id: string;
    readonly storylineId: string;
    readonly sessionId: string;
    readonly at: number;
  }): Write;
  /** Renews title and payload of one that has not ended; does nothing to others. */
  update(change: {
    readonly id: string;
    readonly title: string;
    readonly v: number;
    readonly payload: Readonly<Record<string, unknown>>;
    readonly at: number;
  }): Write;
  /** Makes a blocked one active; does nothing to others. */
  activate(id: string, at: number): Write;
  /** Ends one that has not ended; does nothing to others, so the first outcome stands. */
  archive(end: {
    readonly id: string;
    readonly outcome: ModuleInstanceOutcome;
    readonly reason: string;
    readonly at: number;
  }): Write;
  get(id: string, options: CallOptions): Promise<ModuleInstance | undefined>;
  /** Those of a module along a storyline that have not ended and that all `readers` may know of; oldest first, at most 100. */
  open(
    query: { readonly storylineId: string; readonly moduleId: string; readonly readers: Audience },
    options: CallOptions,
  ): Promise<readonly ModuleInstance[]>;
  /** What an instance depends on, and how that stands. */
  dependencies(id: string, options: CallOptions): Promise<readonly DependencyStatus[]>;
  /** Ids of blocked instances that depend on this one, after `after`, in order; at most 100. */
  dependants(
    query: { readonly id: string; readonly after?: string },
    options: CallOptions,
  ): Promise<readonly string[]>;
  /** Newest first, for operators. */
  list(
    query: PageQuery & {
      readonly spaceId: string;
      readonly agentId?: string;
      readonly states: readonly ModuleInstanceState[];
    },
    options: CallOptions,
  ): Promise<Page<ModuleInstance>>;
}
