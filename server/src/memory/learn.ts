import type {
  AgentSpec,
  CallOptions,
  Effect,
  EffectHandler,
  MemoryAttributes,
  MemoryStore,
  Message,
  NewEffect,
  NewMemory,
  SessionStore,
  Trigger,
  Write,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import {
  calledOf,
  createMemoryKeeper,
  derivedId,
  isKnownToAll,
  type MemoryKeeper,
  wordsOf,
} from "../kit/index.ts";
import { feelingOf } from "./feelings.ts";
import { correctedValue, type PlainCase, plainCases } from "./plain-cases.ts";
import { saidInTurn } from "./said-messages.ts";

/** Kind of the effect that learns by rules. */
export const LEARN_EFFECT = "memory.learn";
const KIND: string = LEARN_EFFECT;
/** Kind of the effect that learns with a model, beside the rules. */
export const EXTRACT_EFFECT = "memory.extract";
const VERSION = 1;
/** So long a conversation gathers turns for one call of a model. */
const GATHER_MS = 30_000;
/** Fewer words that say what they are about are no news. */
const MIN_WORDS = 3;
const MAX_BATCH = 20;
/** A correction without a subject is about something that was said so many turns ago at most. */
const TURNS_BACK = 4;
const LOOKED_AT = 10;

export interface LearnHandlerDeps {
  readonly sessions: Pick<SessionStore, "messages" | "take">;
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list" | "put" | "prove" | "close">;
  /** Whether what is learned is kept with how it felt. Absent: it is not. */
  readonly feelings?: () => boolean;
}

export interface LearnPayload {
  readonly agentId: string;
  readonly sessionId: string;
  readonly turnSeq: number;
}

export interface LearningDraft extends Pick<NewEffect, "kind" | "v" | "payload"> {
  /** So long after the end of the turn it begins, milliseconds. */
  readonly delayMs?: number;
}

/**
 * The effect that learns from what a person said, or undefined where rules read nothing in it. Arithmetic over the words, so
 * that a turn may ask it before its end is kept. Of a group whose channel does not say who wrote, nobody knows who says `I`: only what
 * is told of others by their names is learned there.
 */
export function learningOf(turn: {
  readonly agent: AgentSpec;
  readonly trigger: Trigger;
  readonly sessionId: string;
  readonly turnSeq: number;
  readonly inbound: readonly Message[];
}): LearningDraft | undefined {
  const { agent, trigger, sessionId, turnSeq, inbound } = turn;
  if (agent.learn === "off" || (trigger !== "chat" && trigger !== "channel")) return undefined;
  const payload = { agentId: agent.id, sessionId, turnSeq };
  if (agent.learn === "model") {
    const isNews = inbound.some(
      ({ role, parts }) => role === "user" && wordsOf(textOf(parts)).length >= MIN_WORDS,
    );
    return isNews ? { kind: EXTRACT_EFFECT, v: VERSION, payload, delayMs: GATHER_MS } : undefined;
  }
  if (!inbound.some(tellsSomething)) return undefined;
  return { kind: KIND, v: VERSION, payload };
}

/** Who says `I` in a message, as audiences call them; undefined where nobody knows. */
function speakerOf({ role, audience, author }: Message): string | undefined {
  if (role !== "user") return undefined;
  return author?.peerId ?? (audience.length === 1 ? audience[0] : undefined);
}

/** What rules read in a message. */
function casesIn(message: Message): readonly PlainCase[] {
  if (message.role !== "user") return [];
  const cases = plainCases(textOf(message.parts));
  return speakerOf(message) === undefined ? cases.filter(isOfOthers) : cases;
}

/** It means the same whoever says it. */
function isOfOthers({ of }: PlainCase): boolean {
  return of?.person !== undefined && of.relation === undefined;
}

function tellsSomething(message: Message): boolean {
  if (casesIn(message).length > 0) return true;
  return speakerOf(message) !== undefined && correctedValue(textOf(message.parts)) !== undefined;
}

/**
 * Keeps what people's own words tell of them, after the reply and without a model. The message is read anew, so what was
 * deleted since is not learned; a repeat finds its records. What was said before to the contrary is closed.
 */
export function createLearnHandler(deps: LearnHandlerDeps): EffectHandler {
  const learn = async (
    effects: readonly Effect[],
    options: CallOptions,
  ): Promise<readonly Write<unknown>[]> => {
    const lesson: Lesson = { keeper: createMemoryKeeper({ ...deps, isGuarded: true }), learned: [] };
    const writes: Write<unknown>[] = [];
    for (const effect of effects) writes.push(...(await learnTurn(deps, lesson, effect, options)));
    return writes;
  };
  return {
    kind: KIND,
    versions: [VERSION],
    handle: (effect, options) => learn([effect], options),
    batch: { max: MAX_BATCH, handle: learn },
  };
}

/** What is learned in one commit. */
export interface Lesson {
  readonly keeper: MemoryKeeper;
  readonly learned: NewMemory[];
  /** It may be kept already, and have been corrected since: a record that was ever kept is left as it is. */
  readonly isAgain?: boolean;
}

async function learnTurn(
  deps: LearnHandlerDeps,
  lesson: Lesson,
  effect: Effect,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { agentId, sessionId, turnSeq } = payloadOf(effect);
  const said = await saidInTurn(deps.sessions, { sessionId, turnSeq, turnId: effect.turnId }, options);
  return ifStillThere(deps, sessionId, await learnMessages(deps, lesson, said, agentId, options));
}

/** Writes that are refused with `store.conflict` where the session was deleted meanwhile: who is erased must not be learned of again. */
export function ifStillThere(
  { sessions }: Pick<LearnHandlerDeps, "sessions">,
  sessionId: string,
  writes: readonly Write<unknown>[],
): readonly Write<unknown>[] {
  return writes.length === 0 ? [] : [sessions.take({ id: sessionId, at: 0, count: 0 }), ...writes];
}

/** What rules read in messages. */
export async function learnMessages(
  deps: LearnHandlerDeps,
  lesson: Lesson,
  messages: readonly Message[],
  agentId: string,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const writes: Write<unknown>[] = [];
  for (const message of messages.filter(({ role }) => role === "user")) {
    const cases = casesIn(message);
    const told = cases.map((one, n) => ({ one, memory: memoryOf(deps, message, agentId, one, n) }));
    const isTheirs = cases.length === 0 && speakerOf(message) !== undefined;
    const value = isTheirs ? correctedValue(textOf(message.parts)) : undefined;
    const corrected =
      value === undefined ? undefined : await correctionOf(deps, lesson, message, agentId, value, options);
    if (corrected !== undefined) told.push(corrected);
    const past = lesson.isAgain === true ? await keptOf(deps, told, options) : undefined;
    for (const { one, memory } of told) {
      if (past?.has(memory.id) === true) continue;
      const because = one.isCorrection ? "corrected" : "contradicted";
      const kept = await lesson.keeper.keep(memory, { ...options, because });
      if (kept.kind === "new") lesson.learned.unshift(memory);
      writes.push(...kept.writes);
    }
  }
  return writes;
}

/** Which of these were ever kept, whatever became of them. */
async function keptOf(
  { memories }: LearnHandlerDeps,
  told: readonly { readonly memory: NewMemory }[],
  options: CallOptions,
): Promise<ReadonlySet<string>> {
  const [first] = told;
  if (first === undefined) return new Set();
  const ids = told.map(({ memory }) => memory.id);
  const { spaceId } = first.memory;
  const query = { spaceId, readers: undefined, ids, includeClosed: true };
  return new Set((await memories.find(query, options)).map(({ id }) => id));
}

function memoryOf(
  { feelings }: LearnHandlerDeps,
  message: Message,
  agentId: string,
  one: PlainCase,
  n: number,
): NewMemory {
  // The words around it say how it felt: "My cat is called Mia, I love her!"
  const emotion = feelings?.() === true ? feelingOf(textOf(message.parts)) : undefined;
  const { id, spaceId, sessionId, turnSeq, turnId, audience, author, createdAt } = message;
  const { text: told, rule, slot, value, salience, kind, of = {} } = one;
  const speaker = speakerOf(message);
  // Where several people read, `I` alone says nothing.
  const text = author === undefined || isOfOthers(one) ? told : `${calledOf(author)}: ${told}`;
  const more = { value, ...of, speaker: author === undefined || isOfOthers(one) ? undefined : speaker };
  return {
    ...{ id: derivedId(KIND, id, String(n)), spaceId, agentId, audience, text, turnId, salience },
    ...{ recordedAt: createdAt, ...(kind === undefined ? {} : { kind }) },
    attributes: { by: "rules", rule, ...withoutGaps(more) },
    ...(slot === undefined ? {} : { slot: `${speaker} ${slot}` }),
    sources: [{ kind: "message", id, sessionId, turnSeq }],
    ...(emotion === undefined ? {} : { emotion }),
  };
}

function withoutGaps(of: Readonly<Record<string, string | undefined>>): MemoryAttributes {
  return Object.fromEntries(
    Object.entries(of).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The last thing that was told here, with the other value: `My name is Olena.` and `No, it is Olha.` */
async function correctionOf(
  deps: LearnHandlerDeps,
  { learned }: Lesson,
  message: Message,
  agentId: string,
  value: string,
  options: CallOptions,
): Promise<{ readonly one: PlainCase; readonly memory: NewMemory } | undefined> {
  const { spaceId, audience, sessionId, turnSeq } = message;
  const query = { spaceId, agentId, readers: audience, limit: LOOKED_AT };
  const { items } = await deps.memories.list(query, options);
  const speaker = speakerOf(message) ?? "";
  // Who came since is told nothing of what was learned a moment ago for fewer.
  const fresh = learned.filter((one) => one.agentId === agentId && isKnownToAll(one.audience, audience));
  const wrong = [...fresh, ...items].find(
    ({ slot, attributes = {}, text, sources = [] }) =>
      slot?.startsWith(`${speaker} `) === true &&
      typeof attributes.value === "string" &&
      text.includes(attributes.value) &&
      isOfAKind(attributes.value, value) &&
      sources.some(
        (source) =>
          source.kind === "message" &&
          source.sessionId === sessionId &&
          source.turnSeq < turnSeq &&
          source.turnSeq >= turnSeq - TURNS_BACK * 2,
      ),
  );
  if (wrong === undefined) return undefined;
  const { text: whole, slot = "", attributes = {}, salience = 0.5, kind } = wrong;
  // Its author is put before it again.
  const head = message.author === undefined ? "" : `${calledOf(message.author)}: `;
  const text = whole.startsWith(head) ? whole.slice(head.length) : whole;
  const { person, relation } = attributes;
  const one: PlainCase = {
    ...{ text: text.replace(String(attributes.value), () => value), rule: String(attributes.rule) },
    ...{ value, salience, slot: slot.slice(speaker.length + 1), isCorrection: true },
    ...(kind !== "relationship" || typeof relation !== "string" || typeof person !== "string"
      ? {}
      : { kind, of: { person: value, relation, knows: undefined } }),
  };
  return { one, memory: memoryOf(deps, message, agentId, one, 0) };
}

/** A name for a name, a number for a number. */
function isOfAKind(one: string, other: string): boolean {
  return /^\p{Lu}/u.test(one) === /^\p{Lu}/u.test(other) && /\d/.test(one) === /\d/.test(other);
}

export function payloadOf({ id, payload }: Effect): LearnPayload {
  const { agentId, sessionId, turnSeq } = payload;
  if (typeof agentId === "string" && typeof sessionId === "string" && typeof turnSeq === "number")
    return { agentId, sessionId, turnSeq };
  throw new TroupeError(`The effect ${id} has no readable payload of what a turn teaches.`, {
    code: "request.invalid",
  });
}
