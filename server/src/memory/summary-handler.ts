import type {
  AgentDirectory,
  Budgets,
  CallOptions,
  Clock,
  Effect,
  EffectHandler,
  IdGenerator,
  Ledger,
  Logger,
  Message,
  ModelRouter,
  SessionStore,
  StorylineStore,
  UnitOfWork,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { isKnownToAll, sharedAudience, smallChoices, titleOf } from "../kit/index.ts";
import { askOnce } from "./ask-once.ts";
import { summaryRequest } from "./summary-request.ts";

const KIND = "storyline.summary";
const VERSION = 1;
const MAX_MESSAGES = 200;
const MAX_HISTORY_BYTES = 64 * 1024;
const MAX_SUMMARY_CHARACTERS = 2_000;

export interface SummaryHandlerDeps {
  readonly unit: UnitOfWork;
  readonly sessions: Pick<SessionStore, "get" | "history">;
  readonly storylines: Pick<StorylineStore, "ofSession" | "summarise">;
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
}

/**
 * Refreshes the summary of a storyline with what was said since the last one. A second run for the same or an older turn
 * finds the newer summary and does nothing; a model that fails makes the effect wait and try again.
 */
export function createSummaryHandler(deps: SummaryHandlerDeps): EffectHandler {
  return {
    kind: KIND,
    versions: [VERSION],
    async handle(effect, options) {
      const payload = payloadOf(effect);
      const storyline = await deps.storylines.ofSession(payload.sessionId, options);
      if (storyline === undefined || storyline.id !== payload.storylineId) return [];
      if (storyline.summaryTurnSeq >= payload.uptoTurnSeq) return [];
      const session = await deps.sessions.get(payload.sessionId, options);
      const agent = session === undefined ? undefined : deps.agents.get(session.spaceId, session.agentId);
      if (session === undefined || agent === undefined) return [];
      const { audience: readers } = session;
      // One that somebody who reads now does not know is gone on with by nothing: it begins anew with what they all know.
      const isKnown = isKnownToAll(storyline.audience, readers);
      const messages = await messagesSince(deps, isKnown ? storyline.summaryTurnSeq : 0, payload, options);
      const known = messages.filter((message) => isKnownToAll(message.audience, readers));
      const from = [...(isKnown ? [storyline] : []), ...known];
      const audience = sharedAudience(from.map((one) => one.audience));
      if (known.length === 0 || audience === undefined) return [];
      const answer = await askOnce(deps, {
        choices: smallChoices(deps.router, agent.spec.model),
        request: summaryRequest(agent.spec.name, isKnown ? storyline.summary : "", known),
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
      return [
        deps.storylines.summarise({
          ...{ id: storyline.id, audience },
          title: isKnown && storyline.title !== "" ? storyline.title : firstTitle(known),
          summary,
          summaryTurnSeq: payload.uptoTurnSeq,
          at: deps.clock.now(),
        }),
      ];
    },
  };
}

function firstTitle(messages: readonly Message[]): string {
  const first = messages.find(({ role, parts }) => role === "user" && textOf(parts) !== "");
  return first === undefined ? "" : titleOf(textOf(first.parts));
}

function payloadOf({ id, payload }: Effect): Payload {
  const { sessionId, storylineId, uptoTurnSeq, title } = payload;
  const isWhole =
    typeof sessionId === "string" &&
    typeof storylineId === "string" &&
    typeof uptoTurnSeq === "number" &&
    typeof title === "string";
  if (isWhole) return { sessionId, storylineId, uptoTurnSeq, title };
  throw new TroupeError(`The effect ${id} has no readable payload of ${KIND}.`, { code: "request.invalid" });
}

/** What was said after the last summary. Of very much only the newest is read, which the last summary leads up to. */
async function messagesSince(
  { sessions }: SummaryHandlerDeps,
  afterTurnSeq: number,
  { sessionId, uptoTurnSeq }: Payload,
  options: CallOptions,
) {
  const query = {
    sessionId,
    beforeTurnSeq: uptoTurnSeq + 1,
    maxMessages: MAX_MESSAGES,
    maxBytes: MAX_HISTORY_BYTES,
  };
  const history = await sessions.history(query, options);
  return history.filter((message) => message.turnSeq > afterTurnSeq && message.outcome === "ok");
}
