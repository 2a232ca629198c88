import {
  type Agent,
  type AgentDirectory,
  type CallOptions,
  type Effect,
  type EffectHandler,
  type Logger,
  type MemoryRecord,
  type MemoryStore,
  type NewEffect,
  type NewMemory,
  TroupeError,
  type Write,
} from "@troupe/contracts";
import {
  compareTexts,
  createMemoryKeeper,
  derivedId,
  isKnownToAll,
  type MemoryKeeper,
  redactText,
  sharedAudience,
  smallChoices,
} from "../../kit/index.ts";
import { ASK_RETRY, createAskGate, isHopeless } from "../ask-gate.ts";
import { type AskOnceDeps, askOnce } from "../ask-once.ts";
import type { Night } from "./reflect.ts";
import { type ReadReflection, readReflections, reflectRequest } from "./reflect-request.ts";

export const REFLECT_EFFECT = "memory.reflect";
export const REFLECT_VERSION = 1;

/** Calls of a model that one night of an agent asks for. */
const MOST_GROUPS = 3;
/** With every so many further notes of one audience it is asked again. */
const NOTES_A_CALL = 5;
const MOST_NOTES = 60;
/** Of fewer there is nothing to be seen. */
const MIN_NOTES = 3;
const MOST_KNOWN = 20;
const MAX_BATCH = 16;
/** What people told and what happened. What was made of other records is no source: nothing is concluded from conclusions. */
const NOTES: readonly string[] = ["fact", "episode", "observation", "relationship"];
/** As urgent as the night that asks for it. */
const PRIORITY = 9;

export interface ReflectHandlerDeps extends AskOnceDeps {
  readonly memories: Pick<MemoryStore, "find" | "list" | "alike" | "put" | "prove" | "close">;
  readonly agents: AgentDirectory;
  readonly logger: Logger;
}

/** One for each audience of which a model may see something new; of many those that told most. Ids follow from agent and night. */
export function reflectionsDue(
  { spaceId, agentId, since, at }: Night,
  night: string,
  open: readonly MemoryRecord[],
): readonly NewEffect[] {
  const notes = open.filter(({ kind, scope }) => NOTES.includes(kind) && scope.kind === "agent");
  const groups = Map.groupBy(notes, ({ audience }) => JSON.stringify(audience));
  const fresh = (some: readonly MemoryRecord[]) => some.filter(({ recordedAt }) => recordedAt > since).length;
  // Counted in whole calls, so that those of several quiet nights come together, and nothing has to be remembered.
  const calls = (count: number) => Math.floor(count / NOTES_A_CALL);
  return [...groups]
    .filter(([, some]) => calls(some.length) > calls(some.length - fresh(some)))
    .toSorted(([, a], [, b]) => fresh(b) - fresh(a))
    .slice(0, MOST_GROUPS)
    .map(([audience, some]) => ({
      ...{ id: derivedId(REFLECT_EFFECT, spaceId, agentId, night, audience), spaceId, kind: REFLECT_EFFECT },
      ...{ v: REFLECT_VERSION, lane: "heavy", turnId: "", sessionId: "", priority: PRIORITY, createdAt: at },
      payload: { agentId, ids: newest(some).map(({ id }) => id) },
    }));
}

/** Oldest first. */
function newest(notes: readonly MemoryRecord[]): readonly MemoryRecord[] {
  return notes.toSorted((a, b) => a.recordedAt - b.recordedAt || (a.id < b.id ? -1 : 1)).slice(-MOST_NOTES);
}

/**
 * Asks the model `small` once what the notes of one audience show together. What it says is for those who know all of its sources,
 * is compared with what is known, and can be undone. A provider that refuses the key or has no money left is not asked again for
 * a while; what was to be looked at stays due.
 */
export function createReflectHandler(deps: ReflectHandlerDeps): EffectHandler {
  const gate = createAskGate(deps.clock);
  const reflect: NonNullable<EffectHandler["batch"]>["handle"] = async (due, { signal, fail }) => {
    const keeper = createMemoryKeeper({ ...deps, isGuarded: true });
    const writes: Write<unknown>[] = [];
    for (const effect of due) {
      try {
        writes.push(...(await gate(() => reflectOn(deps, keeper, effect, { signal }))));
      } catch (error) {
        signal.throwIfAborted();
        if (fail === undefined) throw error;
        fail(effect.id, isHopeless(error, effect) ? unreadable(effect, error) : error);
      }
    }
    return writes;
  };
  return {
    kind: REFLECT_EFFECT,
    versions: [REFLECT_VERSION],
    retry: ASK_RETRY,
    handle: (effect, options) => reflect([effect], options),
    batch: { max: MAX_BATCH, handle: reflect },
  };
}

async function reflectOn(
  deps: ReflectHandlerDeps,
  keeper: MemoryKeeper,
  effect: Effect,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { spaceId } = effect;
  const { agentId, ids } = payloadOf(effect);
  const agent = deps.agents.get(spaceId, agentId);
  if (agent?.spec.learn !== "model") return [];
  const notes = await notesOf(deps, spaceId, ids, options);
  const audience = sharedAudience(notes.map((note) => note.audience));
  if (notes.length < MIN_NOTES || audience === undefined) return [];
  const known = await knownTo(deps, { spaceId, agentId, audience }, options);
  const open = known.filter(({ closed }) => closed === undefined);
  const answer = await ask(deps, effect, agent, { known: open, notes }, options);
  const read = readReflections(answer, notes.length);
  if (read === undefined) deps.logger.warn("memory.reflect_unreadable", { agentId, effectId: effect.id });
  // Asking took a while; what was struck or erased meanwhile is no source any more.
  const still = new Set((await notesOf(deps, spaceId, ids, options)).map(({ id }) => id));
  const writes: Write<unknown>[] = [];
  for (const [n, one] of (read ?? []).entries()) {
    const sources = one.of.flatMap((place) => notes[place] ?? []);
    if (sources.some(({ id }) => !still.has(id)) || !isNews(one, [...known, ...sources])) continue;
    const made = reflectionOf(effect, deps.clock.now(), n, one, sources);
    const kept = made === undefined ? undefined : await keeper.keep(made, options);
    if (kept?.kind === "new") writes.push(...kept.writes);
  }
  return writes;
}

/** Those that are open still, oldest first. */
async function notesOf(
  { memories }: ReflectHandlerDeps,
  spaceId: string,
  ids: readonly string[],
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  return newest(await memories.find({ spaceId, readers: undefined, ids }, options));
}

/**
 * Reflections of theirs, open ones and those that were struck. Not those of a name that is linked: what a model reads here it might
 * say, and what it says is kept for this audience, also when the link has ended.
 */
async function knownTo(
  { memories }: ReflectHandlerDeps,
  of: { readonly spaceId: string; readonly agentId: string; readonly audience: readonly string[] },
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  const { spaceId, agentId, audience: readers } = of;
  const query = {
    spaceId,
    agentId,
    readers,
    kinds: ["reflection"],
    state: "all",
    limit: MOST_KNOWN,
  } as const;
  const { items } = await memories.list(query, options);
  return items.filter((one) => one.closed?.reason !== "archived" && isKnownToAll(one.audience, of.audience));
}

function ask(
  deps: ReflectHandlerDeps,
  effect: Effect,
  { spec }: Agent,
  of: { readonly known: readonly MemoryRecord[]; readonly notes: readonly MemoryRecord[] },
  { signal }: CallOptions,
): Promise<string> {
  return askOnce(deps, {
    choices: smallChoices(deps.router, spec.model),
    request: reflectRequest(spec.name, of.known, of.notes),
    ...{ holder: effect.id, purpose: "memory", signal },
    about: {
      ...{ spaceId: effect.spaceId, agentId: spec.id, sessionId: "", turnId: "", peerId: "", ownerId: "" },
      storylineId: undefined,
    },
  });
}

function isNews({ text }: ReadReflection, others: readonly MemoryRecord[]): boolean {
  if (redactText(text) !== text) return false;
  return others.every((one) => {
    const relation = compareTexts(text, one.text);
    return relation !== "same" && relation !== "less";
  });
}

function reflectionOf(
  effect: Effect,
  at: number,
  n: number,
  { text, salience }: ReadReflection,
  sources: readonly MemoryRecord[],
): NewMemory | undefined {
  const audience = sharedAudience(sources.map((one) => one.audience));
  const last = sources.at(-1);
  if (audience === undefined || last === undefined) return undefined;
  return {
    ...{
      id: derivedId(REFLECT_EFFECT, effect.id, String(n)),
      spaceId: effect.spaceId,
      agentId: last.agentId,
    },
    ...{ audience, kind: "reflection", text, turnId: last.turnId, recordedAt: at, salience },
    attributes: { by: "model" },
    sources: sources.map(({ id }) => ({ kind: "memory", id })),
  };
}

function unreadable(effect: Effect, cause: unknown): TroupeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TroupeError(
    `The model makes nothing of what ${payloadOf(effect).agentId} keeps in mind; the records are as they were. ${why}`,
    { code: "request.invalid", cause },
  );
}

function payloadOf({ id, payload }: Effect): { readonly agentId: string; readonly ids: readonly string[] } {
  const { agentId, ids } = payload;
  if (typeof agentId === "string" && Array.isArray(ids) && ids.every((one) => typeof one === "string"))
    return { agentId, ids };
  throw new TroupeError(`The effect ${id} has no readable payload of ${REFLECT_EFFECT}.`, {
    code: "request.invalid",
  });
}
