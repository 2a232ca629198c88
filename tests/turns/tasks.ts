import type { EffectDraft, EffectHandler, InstanceAction, Module } from "@troupe/contracts";
import { NEVER, type Stage } from "./stage.ts";

const options = { signal: NEVER };

/** A module that keeps tasks, and decides as it is told. */
export function tasksBy(decide: NonNullable<Module["decide"]>, more: Partial<Module> = {}): Module {
  return { id: "tasks", budgetTokens: 200, decide, ...more };
}

export const add = (
  key: string,
  more: Partial<Extract<InstanceAction, { kind: "add" }>> = {},
): InstanceAction => ({
  ...{ kind: "add", key, title: `Do ${key}`, v: 1, payload: { key } },
  ...more,
});

/** Every task of the space, by title, and how it stands. */
export async function standing({ stores }: Stage): Promise<Readonly<Record<string, string>>> {
  const query = { spaceId: "default", states: ["active", "blocked", "archived"] as const };
  const { items } = await stores.moduleInstances.list(query, options);
  return Object.fromEntries(
    items.toReversed().map(({ title, state, outcome }) => [title, outcome ?? state] as const),
  );
}

/** An effect that tasks ask for, and who takes it. */
export const DRAFT: EffectDraft = { kind: "tasks.told", v: 1, payload: {} };
export const told: EffectHandler = { kind: "tasks.told", versions: [1], handle: async () => [] };
