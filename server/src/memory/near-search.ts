import type {
  CallOptions,
  Clock,
  Logger,
  MemoryStore,
  Message,
  QuestionMeaning,
  SearchHit,
  SearchQuery,
  SearchStore,
  SessionStore,
} from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { isKnownToAll, linkSignal } from "../kit/index.ts";
import type { MeaningOfQuestion } from "./question-meaning.ts";
import type { VectorMatch, VectorSearch } from "./vectors/index.ts";

/** Hits by words that hold less than this share of what the best one holds come after what is near in meaning. */
const SHARE_OF_BEST = 0.5;
/** Each is a lookup of its own. */
const MOST_NEAR = 8;
/** The first search reads all vectors; one that cannot wait for that serves the next. */
const WAIT_MS = 2_000;

export interface NearSearchDeps {
  readonly search: Pick<SearchStore, "search">;
  readonly memories: Pick<MemoryStore, "find">;
  readonly sessions: Pick<SessionStore, "messages">;
  readonly vectors: Pick<VectorSearch, "search">;
  readonly meaningOf: MeaningOfQuestion;
  /** Least cosine of what may be told of though it holds no word of the question, by the model. */
  readonly leastScore: (model: string) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Search by words and by meaning: what is near the question's text is found too where it holds none of its words, and comes
 * after what holds them well. A question without a text is a search by words. Where vectors fail, words serve.
 */
export function createNearSearch(deps: NearSearchDeps): Pick<SearchStore, "search"> {
  return {
    async search(query, options) {
      if (query.text === undefined || query.readers.length === 0) return deps.search.search(query, options);
      let asked: Promise<QuestionMeaning | undefined> | undefined;
      const meaning = (call: CallOptions): Promise<QuestionMeaning | undefined> => {
        asked ??= deps.meaningOf(query, call);
        return asked;
      };
      const [hits, near] = await Promise.all([
        deps.search.search({ ...query, meaning }, options),
        nearOf(deps, query, meaning, options),
      ]);
      return joined(hits, near, query.limit);
    },
  };
}

/** Best by words, then near in meaning, then the rest by words. */
function joined(hits: readonly SearchHit[], near: readonly SearchHit[], limit: number): readonly SearchHit[] {
  if (near.length === 0) return hits;
  const known = new Set(hits.map(({ id }) => id));
  const least = SHARE_OF_BEST * Math.max(0, ...hits.map(({ score }) => score));
  const [good, rest] = [
    hits.filter(({ score }) => score >= least),
    hits.filter(({ score }) => score < least),
  ];
  return [...good, ...near.filter(({ id }) => !known.has(id)), ...rest].slice(0, limit);
}

async function nearOf(
  deps: NearSearchDeps,
  query: SearchQuery,
  meaning: (call: CallOptions) => Promise<QuestionMeaning | undefined>,
  options: CallOptions,
): Promise<readonly SearchHit[]> {
  const late = () => new TroupeError(`Vectors were not read within ${WAIT_MS} ms.`, { code: "store.busy" });
  using scope = linkSignal(options.signal, { clock: deps.clock, afterMs: WAIT_MS, reason: late });
  try {
    const known = await meaning(scope);
    if (known === undefined) return [];
    const { spaceId, agentId, readers, minScore = 0 } = query;
    const ask = { spaceId, agentId, readers, ...known, limit: MOST_NEAR };
    const least = Math.max(minScore, deps.leastScore(known.model));
    const matches = (await deps.vectors.search(ask, scope)).filter(({ score }) => score >= least);
    return await hitsOf(deps, query, matches, scope);
  } catch (error) {
    options.signal.throwIfAborted();
    deps.logger.warn("recall.by_words", { error });
    return [];
  }
}

/** In the order of the matches; only what every reader knows by what the store says now. */
async function hitsOf(
  { memories, sessions }: NearSearchDeps,
  { spaceId, readers, except }: SearchQuery,
  matches: readonly VectorMatch[],
  options: CallOptions,
): Promise<readonly SearchHit[]> {
  const ids = matches.flatMap(({ ownerKind, ownerId }) => (ownerKind === "memory" ? [ownerId] : []));
  const records = ids.length === 0 ? [] : await memories.find({ spaceId, readers, ids }, options);
  const hits: SearchHit[] = [];
  for (const { ownerKind, ownerId, place, score } of matches) {
    const base = { id: ownerId, score: Math.min(1, score) };
    const record = records.find(({ id }) => ownerKind === "memory" && id === ownerId);
    if (record !== undefined) {
      const { text, audience, recordedAt: createdAt, kind } = record;
      const role = kind === "document" ? "document" : "memory";
      const nowhere = { sessionId: undefined, turnSeq: undefined };
      hits.push({ ...base, ...nowhere, kind: "memory", role, text, audience, createdAt });
    }
    if (place === undefined) continue;
    const page = { sessionId: place.sessionId, cursor: String(place.seq - 1), limit: 1 };
    const [message] = (await sessions.messages(page, options)).items;
    if (message?.id !== ownerId || !isKnownToAll(message.audience, readers)) continue;
    if (isBefore(message, except)) hits.push({ ...base, ...hitOf(message) });
  }
  return hits;
}

function isBefore({ sessionId, turnSeq }: Message, except: SearchQuery["except"]): boolean {
  return except === undefined || sessionId !== except.sessionId || turnSeq < except.fromTurnSeq;
}

function hitOf(message: Message): Omit<SearchHit, "id" | "score"> {
  const { sessionId, turnSeq, role, audience, createdAt } = message;
  return { kind: "message", sessionId, turnSeq, role, text: textOf(message.parts), audience, createdAt };
}
