import {
  type Agent,
  type AgentDirectory,
  type CallOptions,
  type Effect,
  type EffectHandler,
  type Logger,
  type MemoryStore,
  type Message,
  type Session,
  type SessionStore,
  TroupeError,
  type Write,
} from "@troupe/contracts";
import {
  createMemoryKeeper,
  derivedId,
  isKnownToAll,
  redactText,
  sharedAudience,
  smallChoices,
} from "../kit/index.ts";
import { ASK_RETRY, createAskGate, isHopeless } from "./ask-gate.ts";
import { type AskOnceDeps, askOnce } from "./ask-once.ts";
import { type ExtractedFact, extractRequest, readExtracted } from "./extract-request.ts";
import { feelingOf } from "./feelings.ts";
import { EXTRACT_EFFECT, ifStillThere, type Lesson, learnMessages, payloadOf } from "./learn.ts";
import { saidInTurn } from "./said-messages.ts";

const MAX_BATCH = 16;
const MAX_KNOWN = 20;

type Batch = NonNullable<EffectHandler["batch"]>;

export interface ExtractHandlerDeps extends AskOnceDeps {
  readonly sessions: Pick<SessionStore, "get" | "messages" | "take">;
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list" | "put" | "prove" | "close">;
  readonly agents: AgentDirectory;
  readonly logger: Logger;
  /** Whether what is learned is kept with how it felt. Absent: it is not. */
  readonly feelings?: () => boolean;
}

/**
 * Learns from turns with a model, beside the rules: one call for all waiting turns of a conversation. What rules read is kept
 * whatever the model does. A provider that refuses the key or has no money left is not asked again for a while, and what
 * was said stays due; a conversation that no model reads ends alone, as a dead letter.
 */
export function createExtractHandler(deps: ExtractHandlerDeps): EffectHandler {
  const gate = createAskGate(deps.clock);
  const learn: Batch["handle"] = async (due, { signal, fail }) => {
    const lesson: Lesson = { keeper: createMemoryKeeper({ ...deps, isGuarded: true }), learned: [] };
    const writes: Write<unknown>[] = [];
    for (const effects of conversationsOf(due)) {
      const heard = await hear(deps, lesson, effects, { signal });
      if (heard === undefined) continue;
      const learned = [...heard.writes];
      try {
        learned.push(...(await gate(() => askAbout(deps, lesson, heard, { signal }))));
      } catch (error) {
        signal.throwIfAborted();
        if (fail === undefined) throw error;
        for (const effect of effects)
          fail(effect.id, isHopeless(error, effect) ? unreadable(effect, error) : error);
      }
      writes.push(...ifStillThere(deps, heard.session.id, learned));
    }
    return writes;
  };
  return {
    kind: EXTRACT_EFFECT,
    versions: [1],
    retry: ASK_RETRY,
    handle: (effect, options) => learn([effect], options),
    batch: { max: MAX_BATCH, handle: learn },
  };
}

function unreadable(effect: Effect, cause: unknown): TroupeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TroupeError(
    `The model does not read what was said in conversation ${payloadOf(effect).sessionId}; what rules read of it is kept. ${why}`,
    { code: "request.invalid", cause },
  );
}

function conversationsOf(effects: readonly Effect[]): readonly (readonly Effect[])[] {
  return [...Map.groupBy(effects, ({ payload }) => `${payload.agentId} ${payload.sessionId}`).values()];
}

/** The waiting turns of one conversation. */
interface Heard {
  /** The first of them. */
  readonly effect: Effect;
  readonly session: Session;
  readonly agent: Agent;
  /** Oldest first. */
  readonly messages: readonly Message[];
  /** What rules read. */
  readonly writes: readonly Write<unknown>[];
}

async function hear(
  deps: ExtractHandlerDeps,
  lesson: Lesson,
  effects: readonly Effect[],
  options: CallOptions,
): Promise<Heard | undefined> {
  const [effect] = effects;
  if (effect === undefined) return undefined;
  const { agentId, sessionId } = payloadOf(effect);
  const session = await deps.sessions.get(sessionId, options);
  const agent = session === undefined ? undefined : deps.agents.get(session.spaceId, agentId);
  if (session === undefined || agent === undefined) return undefined;
  const messages: Message[] = [];
  for (const { turnId, turnSeq } of turnsOf(effects))
    messages.push(...(await saidInTurn(deps.sessions, { sessionId, turnSeq, turnId }, options)));
  const isAgain = effects.some(({ attempt }) => attempt > 1);
  const writes = await learnMessages(deps, { ...lesson, isAgain }, messages, agentId, options);
  return { effect, session, agent, messages, writes };
}

/** What the model reads beside the rules. Rejects with its errors. */
async function askAbout(
  deps: ExtractHandlerDeps,
  lesson: Lesson,
  { effect, session, agent, messages }: Heard,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { agentId, sessionId } = payloadOf(effect);
  const said = messages.filter(({ role }) => role === "user");
  const audience = sharedAudience(messages.map((message) => message.audience));
  if (said.length === 0 || audience === undefined) return [];
  const query = { spaceId: session.spaceId, agentId, readers: audience, limit: MAX_KNOWN };
  // A model that reads here what only others know, learned a moment ago or told by a name that is linked, might say it here,
  // and what it says is kept for those of this conversation.
  const fresh = lesson.learned.filter((one) => one.agentId === agentId);
  const known = [...fresh, ...(await deps.memories.list(query, options)).items].filter((one) =>
    isKnownToAll(one.audience, audience),
  );
  const withFeelings = deps.feelings?.() === true;
  const answer = await askOnce(deps, {
    choices: smallChoices(deps.router, agent.spec.model),
    request: extractRequest(agent.spec.name, known, messages, { withFeelings }),
    holder: effect.id,
    purpose: "memory",
    about: {
      ...{ spaceId: session.spaceId, agentId, sessionId, turnId: effect.turnId, peerId: session.peerId },
      ...{ ownerId: session.ownerId, storylineId: undefined },
    },
    signal: options.signal,
  });
  const facts = readExtracted(answer);
  if (facts === undefined)
    deps.logger.warn("memory.extract_unreadable", { sessionId, turnId: effect.turnId });
  const writes: Write<unknown>[] = [];
  for (const [n, fact] of (facts ?? []).entries()) {
    if (redactText(fact.text) !== fact.text) continue;
    const kept = await lesson.keeper.keep(
      memoryOf(fact, n, { agentId, audience, said, withFeelings }),
      options,
    );
    // A model's word is no proof of what is known already.
    if (kept.kind === "new") writes.push(...kept.writes);
  }
  return writes;
}

/** Oldest first; each turn has one effect. */
function turnsOf(
  effects: readonly Effect[],
): readonly { readonly turnId: string; readonly turnSeq: number }[] {
  return effects
    .map((effect) => ({ turnId: effect.turnId, turnSeq: payloadOf(effect).turnSeq }))
    .toSorted((a, b) => a.turnSeq - b.turnSeq);
}

function memoryOf(
  { text, kind, slot, value, salience, person, relation, knows, emotion: told }: ExtractedFact,
  n: number,
  of: {
    readonly agentId: string;
    readonly audience: readonly string[];
    readonly said: readonly Message[];
    readonly withFeelings: boolean;
  },
) {
  const { agentId, audience, said } = of;
  const emotion = of.withFeelings ? (told ?? feelingOf(text)) : undefined;
  const last = said.at(-1) as Message;
  // Of whom a question is asked is plain only where one person speaks.
  const [speaker, ...others] = new Set(said.map(({ author }) => author?.peerId));
  const isSlotted = slot !== "" && value !== "" && audience.length === 1;
  return {
    ...{
      id: derivedId(EXTRACT_EFFECT, last.id, String(n)),
      spaceId: last.spaceId,
      agentId,
      audience,
      text,
      kind,
    },
    ...{ turnId: last.turnId, recordedAt: last.createdAt, salience },
    ...(emotion === undefined ? {} : { emotion }),
    attributes: {
      by: "model",
      ...(isSlotted ? { value } : {}),
      ...(speaker === undefined || others.length > 0 ? {} : { speaker }),
      ...(kind === "relationship" && person !== "" ? { person } : {}),
      ...(kind === "relationship" && relation !== "" ? { relation } : {}),
      ...(kind === "relationship" && knows !== "" ? { knows } : {}),
    },
    ...(isSlotted ? { slot: `${audience[0]} ${slot}` } : {}),
    sources: said.map(({ id, sessionId, turnSeq }) => ({ kind: "message", id, sessionId, turnSeq }) as const),
  };
}
