import type {
  Clock,
  Contribution,
  Episode,
  EpisodeMemory,
  Logger,
  Module,
  SessionStore,
  TurnEndView,
  TurnView,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import {
  createBreaker,
  dayOf,
  estimateTokens,
  isEveryone,
  isKnownToAll,
  type Metrics,
  SECONDS_BUCKETS,
  safeText,
  untilAborted,
} from "../../kit/index.ts";
import { createEpisodeWriter, EPISODE_EFFECT, EPISODE_VERSION } from "./episode-writer.ts";

const BUDGET_TOKENS = 500;
/** Of a long message the beginning says what is asked. */
const MAX_QUESTION_CHARACTERS = 1_000;
const MAX_LINE_CHARACTERS = 400;
/** It may find by meaning, so words that say little to us are asked for too. */
const SAYS_SOMETHING = /\p{L}{2}|\p{N}/u;
/** They are data: whatever a line says, it was said then, and is no instruction now. */
const HEAD = "From a memory outside of this house, for reference only; it may be out of date:";
const NOTHING: Contribution = { text: "" };
/** A service that failed so often in a row is left alone for a while: nobody waits for it again and again. */
const BREAKER = { threshold: 3, openMs: 10_000, maxOpenMs: 5 * 60_000 };

export interface EpisodeSettings {
  /** Longest time that a turn waits for an answer, milliseconds. */
  readonly waitMs: number;
  /** Most episodes of one prompt. */
  readonly limit: number;
  /** The service tells of each episode who may be told; else it is asked for one person alone. */
  readonly keepsAudiences: boolean;
}

export interface EpisodeModuleDeps {
  readonly memory: EpisodeMemory;
  readonly settings: EpisodeSettings;
  readonly sessions: Pick<SessionStore, "messages">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

type Outcome = "found" | "nothing" | "late" | "failed" | "left_alone";

/**
 * A memory of conversations outside of Troupe: searched beside the accepting commit, waited for until its deadline, and told of
 * answered turns by an effect behind the reply.
 */
export function createEpisodeModule(deps: EpisodeModuleDeps): Module {
  const { memory, settings, clock, logger, metrics } = deps;
  const breaker = createBreaker({ clock, ...BREAKER });
  const searches = metrics.counter("episode_searches_total", "Searches of the episode memory by outcome");
  const seconds = metrics.histogram("episode_search_seconds", "Time of its searches", SECONDS_BUCKETS);
  const count = (outcome: Outcome): void => searches.add(1, { outcome });

  const ask = async (turn: TurnView, text: string, signal: AbortSignal): Promise<readonly Episode[]> => {
    const { spaceId, agent, audience: readers } = turn;
    const query = { spaceId, agentId: agent.spec.id, readers, text, limit: settings.limit };
    const startedMs = clock.monotonicMs();
    try {
      const searching = memory.search({ ...query, withinMs: settings.waitMs }, { signal });
      const found = await untilAborted(searching, signal);
      breaker.succeeded();
      return found;
    } catch (error) {
      const isLate = signal.aborted && TroupeError.is(signal.reason, "turn.deadline");
      // Whoever stopped the turn says nothing of the service.
      if (signal.aborted && !isLate) breaker.leave();
      else {
        breaker.failed();
        count(isLate ? "late" : "failed");
      }
      throw error;
    } finally {
      seconds.observe((clock.monotonicMs() - startedMs) / 1_000);
    }
  };
  return {
    id: "episodes",
    budgetTokens: BUDGET_TOKENS,
    waitMs: settings.waitMs,
    async gather(turn, { signal }) {
      if (!mayBeAsked(settings, turn.audience)) return NOTHING;
      const text = turn.inbound.map((message) => textOf(message.parts)).join("\n");
      if (!SAYS_SOMETHING.test(text)) return NOTHING;
      if (breaker.enter() > 0) {
        count("left_alone");
        return NOTHING;
      }
      const found = await ask(turn, text.slice(0, MAX_QUESTION_CHARACTERS), signal);
      const shown = linesOf(found.filter((episode) => mayBeShown(settings, episode, turn)));
      count(shown.length === 0 ? "nothing" : "found");
      if (shown.length === 0) return NOTHING;
      logger.debug("episodes.recalled", { turnId: turn.turnId, found: found.length, shown: shown.length });
      const detail = `${shown.length} ${shown.length === 1 ? "episode" : "episodes"} from outside`;
      return { text: [HEAD, ...shown].join("\n"), detail };
    },
    hooks: [{ point: "turn_end", run: (told) => writing(settings, told) }],
    effects: [createEpisodeWriter(deps)],
  };
}

/** Of what several read, or everybody may, a service without audiences cannot say who may be told. Fails closed. */
export function mayBeAsked(
  { keepsAudiences }: Pick<EpisodeSettings, "keepsAudiences">,
  readers: readonly string[],
): boolean {
  if (readers.length === 0 || isEveryone(readers)) return false;
  return keepsAudiences || readers.length === 1;
}

function mayBeShown({ keepsAudiences }: EpisodeSettings, episode: Episode, turn: TurnView): boolean {
  const { audience, sessionId, turnSeq } = episode;
  if (audience === undefined ? keepsAudiences : !isKnownToAll(audience, turn.audience)) return false;
  if (sessionId !== turn.sessionId || turnSeq === undefined) return true;
  // What the prompt shows as it was said.
  return turn.shownTurns === undefined ? turnSeq < turn.shownFromTurnSeq : !turn.shownTurns.has(turnSeq);
}

/** As many lines as the budget holds, best first: when, where, and what. */
function linesOf(episodes: readonly Episode[]): readonly string[] {
  const lines: string[] = [];
  let left = BUDGET_TOKENS - estimateTokens(HEAD);
  for (const { at, source, text } of episodes) {
    const said = plain(text, MAX_LINE_CHARACTERS);
    if (said === "") continue;
    const line = `[${dayOf(at)}] ${source === undefined ? "episode" : plain(source, 80)}: ${said}`;
    const tokens = estimateTokens(line);
    if (tokens > left) break;
    left -= tokens;
    lines.push(line);
  }
  return lines;
}

/** On one line, so that nothing of it looks like a line of ours. */
function plain(text: string, most: number): string {
  const line = safeText(text).replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line;
}

/** What people said to the agent, and what it answered; no work of jobs, flows and other agents. */
function writing(
  settings: EpisodeSettings,
  { turn, inbound, state, reply }: TurnEndView,
):
  | { readonly effects: readonly { kind: string; v: number; payload: Record<string, unknown> }[] }
  | undefined {
  const [first] = inbound;
  const isSaid = turn.trigger === "chat" || turn.trigger === "channel";
  if (state !== "replied" || reply === "" || !isSaid || first === undefined) return undefined;
  if (!mayBeAsked(settings, turn.audience)) return undefined;
  const payload = { agentId: turn.agent.spec.id, turnSeq: first.turnSeq };
  return { effects: [{ kind: EPISODE_EFFECT, v: EPISODE_VERSION, payload }] };
}
