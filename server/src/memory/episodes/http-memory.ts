import type {
  CallOptions,
  Episode,
  EpisodeMemory,
  EpisodeMemoryFacts,
  EpisodeQuery,
  NewEpisode,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type GuardedAnswer, guardedCall } from "../../kit/index.ts";

/** The protocol is described in docs/guide/episodes.md. */
const PROTOCOL = "troupe-episodes";
const VERSION = 1;
const WORDS = {
  what: "The episode memory",
  refused: "which is not asked by itself",
  setting: "episodes.privateHosts",
};
const MOST_ANSWER_BYTES = 512 * 1024;
const CALL_TIMEOUT_MS = 20_000;
const MOST_TEXT_CHARACTERS = 4_000;
const MOST_NAME_CHARACTERS = 80;

export interface HttpEpisodeMemoryDeps {
  /** Below it lie the paths of the protocol. */
  readonly url: string;
  /** Sent as a bearer token; absent: none. */
  readonly apiKey: string | undefined;
  /** Hosts of one's own network that may be asked. */
  readonly privateHosts: readonly string[];
}

/** A service that speaks our small protocol over HTTP. Redirects are not followed: the key is for that one service. */
export function createHttpEpisodeMemory(deps: HttpEpisodeMemoryDeps): EpisodeMemory {
  const base = deps.url.replace(/\/+$/, "");
  const call = async (
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body: unknown,
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions & { readonly timeoutMs?: number },
  ): Promise<GuardedAnswer> => {
    const answer = await guardedCall(`${base}${path}`, {
      ...{ method, signal, timeoutMs, maxBytes: MOST_ANSWER_BYTES, privateHosts: deps.privateHosts },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: deps.apiKey === undefined ? {} : { authorization: `Bearer ${deps.apiKey}` },
      ...WORDS,
    });
    if (answer.status < 200 || answer.status > 299) throw refusalOf(deps.url, answer);
    return answer;
  };
  return {
    async search(query, { signal }) {
      const { withinMs: timeoutMs } = query;
      const answer = await call("POST", "/search", searchBody(query), { signal, timeoutMs });
      return episodesIn(deps.url, answer, query.limit);
    },
    async write(episode, options) {
      await call("PUT", `/episodes/${encodeURIComponent(episode.id)}`, episodeBody(episode), options);
    },
    async forget({ spaceId, reader }, options) {
      const query = new URLSearchParams({ space: spaceId, reader });
      await call("DELETE", `/episodes?${query}`, undefined, options);
    },
    async facts(options) {
      return factsIn(deps.url, await call("GET", "", undefined, options));
    },
  };
}

function searchBody({ spaceId, agentId, readers, text, limit, withinMs }: EpisodeQuery): unknown {
  return { space: spaceId, agent: agentId, readers, text, limit, withinMs };
}

function episodeBody({ spaceId, agentId, audience, sessionId, turnSeq, messages }: NewEpisode): unknown {
  const said = messages.map(({ role, text, at }) => ({ role, text, at: timeText(at) }));
  return { space: spaceId, agent: agentId, audience, session: sessionId, turn: turnSeq, messages: said };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** What the service refuses for ever is `request.invalid`; everything else may be otherwise later. */
function refusalOf(url: string, { status, retryAfterMs }: GuardedAnswer): TroupeError {
  const where = `The episode memory at ${new URL(url).origin}`;
  if (status === 401 || status === 403) {
    return new TroupeError(`${where} refuses the key (status ${status}). Set episodes.apiKey anew.`, {
      code: "auth.invalid",
    });
  }
  const isForNow = status === 408 || status === 425 || status === 429 || status >= 500;
  return new TroupeError(`${where} answered with status ${status}.`, {
    code: isForNow ? "channel.unavailable" : "request.invalid",
    retryable: isForNow,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function jsonIn(url: string, { bytes }: GuardedAnswer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, whatever it is.
  }
  throw unreadable(url);
}

function unreadable(url: string): TroupeError {
  return new TroupeError(
    `What answers at ${new URL(url).origin} does not speak the protocol ${PROTOCOL} ${VERSION}. Look at episodes.url.`,
    { code: "request.invalid" },
  );
}

function episodesIn(url: string, answer: GuardedAnswer, limit: number): readonly Episode[] {
  const { episodes } = jsonIn(url, answer);
  if (!Array.isArray(episodes)) throw unreadable(url);
  const read = (episodes as readonly unknown[]).slice(0, limit).map(episodeIn);
  return read.map((episode) => {
    if (episode === undefined) throw unreadable(url);
    return episode;
  });
}

function episodeIn(value: unknown): Episode | undefined {
  const { id, text, at, source, audience, session, turn } = (value ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const time = typeof at === "string" ? Date.parse(at) : Number.NaN;
  if (typeof id !== "string" || typeof text !== "string" || Number.isNaN(time)) return undefined;
  const isAudience = Array.isArray(audience) && audience.every((name) => typeof name === "string");
  // Who may be told must be read or nothing: half of it would tell the wrong ones.
  if (audience !== undefined && !isAudience) return undefined;
  return {
    ...{ id, text: text.slice(0, MOST_TEXT_CHARACTERS), at: time },
    ...(typeof source === "string" ? { source: source.slice(0, MOST_NAME_CHARACTERS) } : {}),
    ...(isAudience ? { audience } : {}),
    ...(typeof session === "string" ? { sessionId: session } : {}),
    ...(typeof turn === "number" ? { turnSeq: turn } : {}),
  };
}

function factsIn(url: string, answer: GuardedAnswer): EpisodeMemoryFacts {
  const { protocol, v, name, keepsAudiences } = jsonIn(url, answer);
  if (protocol !== PROTOCOL || v !== VERSION || typeof name !== "string") throw unreadable(url);
  return { name: name.slice(0, MOST_NAME_CHARACTERS), keepsAudiences: keepsAudiences === true };
}
