import {
  type AgentDirectory,
  type CallOptions,
  type Effect,
  type EffectHandler,
  type Logger,
  type MemoryStore,
  type Message,
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
import { type AskOnceDeps, askOnce } from "./ask-once.ts";
import { type ExtractedFact, extractRequest, readExtracted } from "./extract-request.ts";
import { EXTRACT_EFFECT, ifStillThere, type Lesson, learnMessages, payloadOf } from "./learn.ts";
import { saidInTurn } from "./said-messages.ts";

const MAX_BATCH = 16;
const MAX_KNOWN = 20;
/** After a refusal that only a person can mend nobody is asked again for so long. */
const PAUSE_MS = 15 * 60_000;
/** Some weeks: what was said is not lost because an account was empty. */
const RETRY = { maxAttempts: 500, baseMs: 30_000, capMs: 60 * 60_000 };

export interface ExtractHandlerDeps extends AskOnceDeps {
  readonly sessions: Pick<SessionStore, "get" | "messages" | "take">;
  readonly memories: Pick<MemoryStore, "alike" | "list" | "put" | "prove" | "close">;
  readonly agents: AgentDirectory;
  readonly logger: Logger;
}

/**
 * Learns from turns with a model, beside the rules: one call for all waiting turns of a conversation. A provider that refuses
 * the key or has no money left is not asked again for a while, and what was said stays due; an answer that cannot be read
 * leaves what the rules read.
 */
export function createExtractHandler(deps: ExtractHandlerDeps): EffectHandler {
  let pausedUntil = 0;
  const learn = async (
    effects: readonly Effect[],
    options: CallOptions,
  ): Promise<readonly Write<unknown>[]> => {
    if (deps.clock.now() < pausedUntil) throw stopped(pausedUntil - deps.clock.now());
    const lesson: Lesson = { keeper: createMemoryKeeper({ ...deps, isGuarded: true }), learned: [] };
    const writes: Write<unknown>[] = [];
    for (const group of conversationsOf(effects)) {
      try {
        writes.push(...(await learnConversation(deps, lesson, group, options)));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        pausedUntil = deps.clock.now() + PAUSE_MS;
        throw stopped(PAUSE_MS, error);
      }
    }
    return writes;
  };
  return {
    kind: EXTRACT_EFFECT,
    versions: [1],
    retry: RETRY,
    handle: (effect, options) => learn([effect], options),
    batch: { max: MAX_BATCH, handle: learn },
  };
}

function isRefusal(error: unknown): boolean {
  return TroupeError.is(error, "model.auth") || TroupeError.is(error, "model.billing");
}

function stopped(waitMs: number, cause?: unknown): TroupeError {
  return new TroupeError(
    "No model may be asked what is worth remembering: the provider refuses the key, or the account is empty. Mend it; nothing is lost until then.",
    { code: "model.auth", retryable: true, retryAfterMs: waitMs, cause },
  );
}

function conversationsOf(effects: readonly Effect[]): readonly (readonly Effect[])[] {
  return [...Map.groupBy(effects, ({ payload }) => `${payload.agentId} ${payload.sessionId}`).values()];
}

async function learnConversation(
  deps: ExtractHandlerDeps,
  lesson: Lesson,
  effects: readonly Effect[],
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const [effect] = effects;
  if (effect === undefined) return [];
  const { agentId, sessionId } = payloadOf(effect);
  const session = await deps.sessions.get(sessionId, options);
  const agent = session === undefined ? undefined : deps.agents.get(session.spaceId, agentId);
  if (session === undefined || agent === undefined) return [];
  const messages: Message[] = [];
  for (const { turnId, turnSeq } of turnsOf(effects))
    messages.push(...(await saidInTurn(deps.sessions, { sessionId, turnSeq, turnId }, options)));
  const writes = [...(await learnMessages(deps, lesson, messages, agentId, options))];
  const said = messages.filter(({ role }) => role === "user");
  const audience = sharedAudience(messages.map((message) => message.audience));
  if (said.length === 0 || audience === undefined) return ifStillThere(deps, sessionId, writes);
  const query = { spaceId: session.spaceId, agentId, readers: audience, limit: MAX_KNOWN };
  // A model that reads here what only others know, learned a moment ago or told by a name that is linked, might say it here,
  // and what it says is kept for those of this conversation.
  const fresh = lesson.learned.filter((one) => one.agentId === agentId);
  const known = [...fresh, ...(await deps.memories.list(query, options)).items].filter((one) =>
    isKnownToAll(one.audience, audience),
  );
  const answer = await askOnce(deps, {
    choices: smallChoices(deps.router, agent.spec.model),
    request: extractRequest(agent.spec.name, known, messages),
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
  for (const [n, fact] of (facts ?? []).entries()) {
    if (redactText(fact.text) !== fact.text) continue;
    const kept = await lesson.keeper.keep(memoryOf(fact, n, { agentId, audience, said }), options);
    // A model's word is no proof of what is known already.
    if (kept.kind === "new") writes.push(...kept.writes);
  }
  return ifStillThere(deps, sessionId, writes);
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
  { text, kind, slot, value, salience }: ExtractedFact,
  n: number,
  of: { readonly agentId: string; readonly audience: readonly string[]; readonly said: readonly Message[] },
) {
  const { agentId, audience, said } = of;
  const last = said.at(-1) as Message;
  // Of whom a question is asked is plain only where one person speaks.
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
    attributes: { by: "model", ...(isSlotted ? { value } : {}) },
    ...(isSlotted ? { slot: `${audience[0]} ${slot}` } : {}),
    sources: said.map(({ id, sessionId, turnSeq }) => ({ kind: "message", id, sessionId, turnSeq }) as const),
  };
}
