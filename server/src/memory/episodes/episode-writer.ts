import type { EffectHandler, EpisodeMemory, Message, NewEpisode, SessionStore } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { isEveryone, type Metrics, sharedAudience } from "../../kit/index.ts";
import { saidInTurn } from "../said-messages.ts";

export const EPISODE_EFFECT = "episodes.write";
export const EPISODE_VERSION = 1;
/** Most of a day; then it is a dead letter, which ./troupe dlq sends again. */
const RETRY = { maxAttempts: 30, baseMs: 5_000, capMs: 60 * 60_000 };
const MOST_CHARACTERS = 16_000;

export interface EpisodeWriterDeps {
  readonly memory: Pick<EpisodeMemory, "write">;
  readonly settings: { readonly keepsAudiences: boolean };
  readonly sessions: Pick<SessionStore, "messages">;
  readonly metrics: Metrics;
}

/**
 * Writes an answered turn to the memory outside, under the effect's id, so that a repetition changes nothing there. The words are read
 * when it runs: of a conversation that was deleted meanwhile nothing is written.
 */
export function createEpisodeWriter({
  memory,
  settings,
  sessions,
  metrics,
}: EpisodeWriterDeps): EffectHandler {
  const writes = metrics.counter("episode_writes_total", "Turns that the episode memory was told of");
  return {
    kind: EPISODE_EFFECT,
    versions: [EPISODE_VERSION],
    retry: RETRY,
    async handle({ id, spaceId, sessionId, turnId, payload }, options) {
      const { agentId, turnSeq } = payload as { readonly agentId: string; readonly turnSeq: number };
      const said = await saidInTurn(sessions, { sessionId, turnSeq, turnId }, options);
      const audience = sharedAudience(said.map((message) => message.audience));
      if (audience === undefined || isEveryone(audience)) return [];
      if (!settings.keepsAudiences && audience.length > 1) return [];
      const about = { id, spaceId, agentId, audience, sessionId, turnSeq };
      await memory.write({ ...about, messages: said.flatMap(lineOf) }, options);
      writes.add(1);
      return [];
    },
  };
}

function lineOf({ role, parts, createdAt }: Message): NewEpisode["messages"] {
  if (role !== "user" && role !== "assistant") return [];
  return [{ role, text: textOf(parts).slice(0, MOST_CHARACTERS).toWellFormed(), at: createdAt }];
}
