import type {
  Agent,
  AgentDirectory,
  Audience,
  Budgets,
  CallOptions,
  Clock,
  Effect,
  EffectHandler,
  EffectStore,
  IdGenerator,
  Ledger,
  Logger,
  Message,
  ModelRouter,
  Session,
  SessionStore,
  Storyline,
  StorylineStore,
  UnitOfWork,
  Write,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { isKnownToAll, sharedAudience, smallChoices, titleOf } from "../kit/index.ts";
import { askOnce } from "./ask-once.ts";
import { EXTRACT_EFFECT, LEARN_EFFECT } from "./learn.ts";
import { saidAfter } from "./said-messages.ts";
import { summaryRequest } from "./summary-request.ts";

const KIND = "storyline.summary";
const VERSION = 1;
const MAX_SUMMARY_CHARACTERS = 2_000;
const LEARNING = [LEARN_EFFECT, EXTRACT_EFFECT];

export interface SummaryHandlerDeps {
  readonly unit: UnitOfWork;
  readonly sessions: Pick<SessionStore, "get" | "messages">;
  readonly storylines: Pick<
    StorylineStore,
    "ofSession" | "get" | "placedIn" | "compactions" | "summarise" | "compact"
  >;
  readonly effects: Pick<EffectStore, "firstOpenTurn">;
  readonly ledger: Pick<Ledger, "reserve" | "release" | "record">;
  readonly router: ModelRouter;
  readonly agents: AgentDirectory;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly budgets: Budgets;
  readonly logger: Logger;
}

interface Payload {
  readonly sessionId: string;
  readonly storylineId: string;
  readonly uptoTurnSeq: number;
  readonly title: string;
  /** Prompts of the session show the summary in place of the turns up to this one. */
  readonly compactTo?: number;
}

/**
 * Refreshes the summary of a storyline with what was said since the last one, and shortens the history of prompts by it where
 * the effect asks for that. A second run for the same or an older turn finds the newer summary and asks nobody; a model that
 * fails makes the effect wait and try again. Of what is not learned from yet nothing is shortened.
 */
export function createSummaryHandler(deps: SummaryHandlerDeps): EffectHandler {
  return {
    kind: KIND,
    versions: [VERSION],
    async handle(effect, options) {
      const payload = payloadOf(effect);
      const [storyline, session] = await Promise.all([
        deps.storylines.get(payload.storylineId, options),
        deps.sessions.get(payload.sessionId, options),
      ]);
      const agent = session === undefined ? undefined : deps.agents.get(session.spaceId, session.agentId);
      if (storyline === undefined || storyline.mergedInto !== undefined) return [];
      if (session === undefined || agent === undefined) return [];
      const work: Work = { effect, payload, storyline, session, agent };
      const isOwn = storyline.sessionId === session.id;
      const compactTo = await learnedTo(deps, payload, options);
      if (isOwn) return refreshed(deps, work, compactTo, options);
      // Of one that began elsewhere the summary is refreshed there, and another one is made for prompts of this session.
      return compactTo === undefined ? [] : compacted(deps, work, compactTo, options);
    },
  };
}

interface Work {
  readonly effect: Effect;
  readonly payload: Payload;
  readonly storyline: Storyline;
  readonly session: Session;
  readonly agent: Agent;
}

/** What a summary tells, and who knows all that it was made from. */
interface Told {
  readonly summary: string;
  readonly audience: Audience;
}

/** The storyline's own summary, and prompts that show it from now on. */
async function refreshed(
  deps: SummaryHandlerDeps,
  work: Work,
  compactTo: number | undefined,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { storyline, session, payload } = work;
  const { id, title, summaryTurnSeq } = storyline;
  // One that somebody who reads now does not know is gone on with by nothing: it begins anew with what they all know.
  const isKnown = isKnownToAll(storyline.audience, session.audience);
  let told: Told | undefined = isKnown ? storyline : undefined;
  const writes: Write<unknown>[] = [];
  if (summaryTurnSeq < payload.uptoTurnSeq) {
    const messages = await messagesSince(deps, work, isKnown ? summaryTurnSeq : 0, options);
    const made = await toldOf(deps, work, told, messages, options);
    if (made !== undefined) {
      told = made;
      const name = isKnown && title !== "" ? title : firstTitle(messages);
      const update = { ...made, id, title: name, summaryTurnSeq: payload.uptoTurnSeq };
      writes.push(deps.storylines.summarise({ ...update, at: deps.clock.now() }));
    }
  }
  if (compactTo !== undefined && told !== undefined && told.summary !== "")
    writes.push(compaction(deps, work, told, compactTo));
  return writes;
}

/** A summary for the prompts of one session, from what all of its readers know. */
async function compacted(
  deps: SummaryHandlerDeps,
  work: Work,
  compactTo: number,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { storyline, session } = work;
  const all = await deps.storylines.compactions(session.id, options);
  const last = all.find(({ storylineId }) => storylineId === storyline.id);
  if (last !== undefined && last.uptoTurnSeq >= compactTo) return [];
  const isKnown = ({ audience }: Told): boolean => isKnownToAll(audience, session.audience);
  const known = last !== undefined && isKnown(last) ? last : undefined;
  const before = known ?? (isKnown(storyline) ? storyline : undefined);
  const messages = await messagesSince(deps, work, known?.uptoTurnSeq ?? 0, options);
  const made = await toldOf(deps, work, before, messages, options);
  return made === undefined ? [] : [compaction(deps, work, made, compactTo)];
}

/** A summary that goes on from another one; undefined where nothing was said, or nobody knows all of it. */
async function toldOf(
  deps: SummaryHandlerDeps,
  work: Work,
  before: Told | undefined,
  messages: readonly Message[],
  options: CallOptions,
): Promise<Told | undefined> {
  const from = [...(before === undefined ? [] : [before]), ...messages];
  const audience = sharedAudience(from.map((one) => one.audience));
  if (messages.length === 0 || audience === undefined) return undefined;
  return { audience, summary: await summarise(deps, work, before?.summary ?? "", messages, options) };
}

function firstTitle(messages: readonly Message[]): string {
  const first = messages.find(({ role, parts }) => role === "user" && textOf(parts) !== "");
  return first === undefined ? "" : titleOf(textOf(first.parts));
}

function compaction(
  { storylines, clock }: SummaryHandlerDeps,
  { storyline, session }: Work,
  { summary, audience }: Told,
  uptoTurnSeq: number,
): Write {
  const about = { sessionId: session.id, storylineId: storyline.id };
  return storylines.compact({ ...about, uptoTurnSeq, summary, audience, at: clock.now() });
}

/** Turns that something is still to be learned from stay in prompts as they were said. */
async function learnedTo(
  { effects }: SummaryHandlerDeps,
  { sessionId, compactTo }: Payload,
  options: CallOptions,
): Promise<number | undefined> {
  if (compactTo === undefined) return undefined;
  const open = await effects.firstOpenTurn({ sessionId, kinds: LEARNING, toTurnSeq: compactTo }, options);
  return open === undefined ? compactTo : open - 1 <= 0 ? undefined : open - 1;
}

async function summarise(
  deps: SummaryHandlerDeps,
  { effect, payload, storyline, session, agent }: Work,
  previous: string,
  messages: readonly Message[],
  options: CallOptions,
): Promise<string> {
  const answer = await askOnce(deps, {
    choices: smallChoices(deps.router, agent.spec.model),
    request: summaryRequest(agent.spec.name, previous, messages),
    holder: effect.id,
    about: {
      spaceId: effect.spaceId,
      agentId: agent.spec.id,
      sessionId: payload.sessionId,
      turnId: effect.turnId,
      peerId: session.peerId,
      ownerId: session.ownerId,
      storylineId: storyline.id,
    },
    signal: options.signal,
  });
  const summary = answer.trim().slice(0, MAX_SUMMARY_CHARACTERS).trimEnd();
  if (summary === "") {
    throw new TroupeError("The model answered the request for a summary with nothing.", {
      code: "model.bad_response",
      retryable: true,
    });
  }
  deps.logger.debug("summary.made", { sessionId: payload.sessionId, uptoTurnSeq: payload.uptoTurnSeq });
  return summary;
}

function payloadOf({ id, payload }: Effect): Payload {
  const { sessionId, storylineId, uptoTurnSeq, title, compactTo } = payload;
  const isWhole =
    typeof sessionId === "string" &&
    typeof storylineId === "string" &&
    typeof uptoTurnSeq === "number" &&
    typeof title === "string";
  const about = typeof compactTo === "number" ? { compactTo } : {};
  if (isWhole) return { sessionId, storylineId, uptoTurnSeq, title, ...about };
  throw new TroupeError(`The effect ${id} has no readable payload of ${KIND}.`, { code: "request.invalid" });
}

/** What was said in the storyline after the last summary, as far as all readers know it; of very much the newest. */
async function messagesSince(
  { sessions, storylines }: SummaryHandlerDeps,
  { payload: { sessionId, uptoTurnSeq }, storyline, session }: Work,
  sinceTurnSeq: number,
  options: CallOptions,
): Promise<readonly Message[]> {
  const [placed, first] = await Promise.all([
    storylines.placedIn(sessionId, sinceTurnSeq + 1, options),
    storylines.ofSession(session.id, options),
  ]);
  const elsewhere = new Map(placed.map(({ turnSeq, storylineId }) => [turnSeq, storylineId]));
  const isMeant = ({ turnSeq, audience }: Message): boolean =>
    (elsewhere.get(turnSeq) ?? first?.id) === storyline.id && isKnownToAll(audience, session.audience);
  return saidAfter(sessions, { sessionId, sinceTurnSeq, uptoTurnSeq }, isMeant, options);
}
