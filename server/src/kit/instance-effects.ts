import type { EffectDraft, ModuleCallbacks, ModuleInstanceOutcome, NewEffect } from "@troupe/contracts";
import { derivedId } from "./ids.ts";

/** Kind of the effect that looks at an instance again: at what it waits for, or once it has ended at what waits for it. */
export const SETTLE_EFFECT: string = "module.settle";
export const SETTLE_VERSION: number = 1;

/** Whose effects they are. */
export interface InstanceChange {
  readonly spaceId: string;
  readonly sessionId: string;
  /** The turn that caused the change. */
  readonly turnId: string;
  /** UTC milliseconds. */
  readonly at: number;
}

interface Callable {
  readonly id: string;
  readonly callbacks: ModuleCallbacks;
}

/** What follows when an instance becomes active. The same instance gives the same ids, so a change made twice is told once. */
export function activeEffects({ id, callbacks }: Callable, change: InstanceChange): readonly NewEffect[] {
  const { whenActive } = callbacks;
  return whenActive === undefined ? [] : [callbackOf("active", whenActive, { instanceId: id }, change)];
}

/** What follows when an instance has ended: its callback, and a look at what depends on it. */
export function endedEffects(
  { id, callbacks }: Callable,
  outcome: ModuleInstanceOutcome,
  change: InstanceChange,
): readonly NewEffect[] {
  const { whenEnded } = callbacks;
  const told = whenEnded && callbackOf("ended", whenEnded, { instanceId: id, outcome }, change);
  return [...(told === undefined ? [] : [told]), settleEffect(id, "ended", change)];
}

/** `after`: the last one of the page of dependants before. */
export function settleEffect(
  instanceId: string,
  why: "added" | "ended",
  change: InstanceChange,
  after?: string,
): NewEffect {
  return {
    ...ownerOf(change),
    ...{ kind: SETTLE_EFFECT, v: SETTLE_VERSION, lane: "background" },
    id: derivedId(SETTLE_EFFECT, instanceId, why, after ?? ""),
    payload: { instanceId, ...(after === undefined ? {} : { after }) },
  };
}

function callbackOf(
  when: "active" | "ended",
  { lane = "background", ...draft }: EffectDraft,
  added: { readonly instanceId: string; readonly outcome?: ModuleInstanceOutcome },
  change: InstanceChange,
): NewEffect {
  const id = derivedId("module.callback", added.instanceId, when);
  return { ...draft, ...ownerOf(change), id, lane, payload: { ...draft.payload, ...added } };
}

function ownerOf({ spaceId, sessionId, turnId, at }: InstanceChange) {
  return { spaceId, sessionId, turnId, createdAt: at };
}
