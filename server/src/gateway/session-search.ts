import type { CallOptions, Principal, SearchHit, SessionSummary } from "@troupe/contracts";
import type { FaceStores } from "./deps.ts";
import { isOperator } from "./turn-record.ts";

/** A conversation that was found, and where in it. */
export interface FoundSession extends SessionSummary {
  /** The words stand in its title. */
  readonly inTitle: boolean;
  /** Best first; empty when only the title matches. */
  readonly matches: readonly SessionMatch[];
}

export interface SessionMatch {
  readonly messageId: string;
  readonly turnSeq: number;
  readonly role: string;
  readonly text: string;
  readonly createdAt: number;
  /** 0..1, higher is closer. */
  readonly score: number;
}

export interface SessionSearch {
  readonly spaceId: string;
  readonly text: string;
  readonly agentId?: string;
  readonly limit: number;
}

/** Conversations that are looked through, the last used ones. */
const PAGES = 5;
const PAGE = 200;
/** Different groups of readers that are asked for, those of the last used conversations. */
const MOST_AUDIENCES = 32;
const HITS = 50;
/** More than half of what was asked for, by rarity. */
const MIN_SCORE = 0.5;
const MOST_MATCHES = 3;
const EXCERPT = 240;

/**
 * Looks for words in titles and messages of the principal's own conversations. Messages are asked for under the audience
 * of each, so nothing is found that its readers may not know, and a hit in somebody else's conversation is dropped.
 */
export async function searchSessions(
  stores: Pick<FaceStores, "sessions" | "search">,
  principal: Principal,
  search: SessionSearch,
  options: CallOptions,
): Promise<readonly FoundSession[]> {
  const sessions = await ownSessions(stores, principal, search, options);
  const words = search.text.split(/\s+/).filter((word) => word !== "");
  const matches = new Map<string, SessionMatch[]>();
  for (const { agentId, audience } of audiencesOf(sessions)) {
    const query = { spaceId: search.spaceId, agentId, readers: audience, words, limit: HITS };
    const hits = await stores.search.search({ ...query, minScore: MIN_SCORE }, options);
    for (const hit of hits) addMatch(matches, hit);
  }
  const asked = search.text.toLocaleLowerCase();
  return sessions
    .map((session) => ({
      ...session,
      inTitle: session.title.toLocaleLowerCase().includes(asked),
      matches: (matches.get(session.id) ?? []).toSorted((a, b) => b.score - a.score).slice(0, MOST_MATCHES),
    }))
    .filter(({ inTitle, matches: found }) => inTitle || found.length > 0)
    .toSorted((a, b) => weightOf(b) - weightOf(a) || b.updatedAt - a.updatedAt)
    .slice(0, search.limit);
}

async function ownSessions(
  { sessions }: Pick<FaceStores, "sessions">,
  principal: Principal,
  { spaceId, agentId }: SessionSearch,
  options: CallOptions,
): Promise<readonly SessionSummary[]> {
  const found: SessionSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const query = {
      spaceId,
      limit: PAGE,
      ...(isOperator(principal) ? {} : { ownerId: principal.id }),
      ...(agentId === undefined ? {} : { agentId }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const { items, next } = await sessions.list(query, options);
    found.push(...items);
    if (next === undefined) break;
    cursor = next;
  }
  return found;
}

function audiencesOf(sessions: readonly SessionSummary[]) {
  const different = new Map<string, SessionSummary>();
  for (const session of sessions) {
    const key = JSON.stringify([session.agentId, session.audience]);
    if (!different.has(key)) different.set(key, session);
    if (different.size >= MOST_AUDIENCES) break;
  }
  return [...different.values()];
}

function addMatch(matches: Map<string, SessionMatch[]>, hit: SearchHit): void {
  if (hit.kind !== "message" || hit.sessionId === undefined) return;
  const found = matches.get(hit.sessionId) ?? [];
  if (found.some(({ messageId }) => messageId === hit.id)) return;
  const { id: messageId, turnSeq = 0, role, createdAt, score } = hit;
  const text = hit.text.length > EXCERPT ? `${hit.text.slice(0, EXCERPT - 1)}…` : hit.text;
  matches.set(hit.sessionId, [...found, { messageId, turnSeq, role, text, createdAt, score }]);
}

/** A title that says it stands before words in the text. */
function weightOf({ inTitle, matches }: FoundSession): number {
  return (inTitle ? 2 : 0) + (matches[0]?.score ?? 0);
}
