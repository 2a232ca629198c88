import type { CallOptions, MemoryRecord, MemoryStore, SearchStore, ToolContext } from "@troupe/contracts";
import { compareTexts, wordsOf } from "../../kit/index.ts";

/** Hits looked at: memories among whatever else was said of it. */
const LOOKED_AT = 40;
/** Holding less of the asked words, by rarity, is being about something else. */
const MIN_SCORE = 0.5;
/** Hits that hold less than this share of what the best one holds are not meant. */
const SHARE_OF_BEST = 0.8;
const PAGE = 200;
const MAX_PAGES = 5;
const SIGN_CHARACTERS = 6;
const SIGN = /^#([0-9a-z]{6})$/i;

export interface FindMemoriesDeps {
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list">;
  readonly search: Pick<SearchStore, "search">;
}

/** Six characters by which people name a memory that they were shown. */
export function signOf({ id }: Pick<MemoryRecord, "id">): string {
  return `#${id.slice(-SIGN_CHARACTERS).toLowerCase()}`;
}

/**
 * The open memories that are meant by a sign, by their own words, or by some of them, best first; only those that everyone
 * who reads the answer knows.
 */
export async function findMemories(
  deps: FindMemoriesDeps,
  what: string,
  context: ToolContext,
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  const sign = SIGN.exec(what)?.[1]?.toLowerCase();
  if (sign !== undefined) return await bySign(deps, `#${sign}`, context, options);
  const { spaceId, agentId, audience: readers } = context;
  const alike = await deps.memories.alike({ spaceId, agentId, text: what }, options);
  const ids = alike.flatMap(({ id, text }) => (compareTexts(what, text) === "same" ? [id] : []));
  // Who may be told is the store's to say: one reader may have several names.
  const same = await deps.memories.find({ spaceId, readers, ids }, options);
  return same.length > 0 ? inOrder(ids, same) : await byWords(deps, what, context, options);
}

async function bySign(
  { memories }: FindMemoriesDeps,
  sign: string,
  { spaceId, agentId, audience: readers }: ToolContext,
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { spaceId, agentId, readers, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await memories.list(query, options);
    const found = items.filter((memory) => signOf(memory) === sign);
    if (found.length > 0 || next === undefined) return found;
    cursor = next;
  }
  return [];
}

async function byWords(
  { memories, search }: FindMemoriesDeps,
  what: string,
  { spaceId, agentId, audience: readers }: ToolContext,
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  const words = wordsOf(what);
  if (words.length === 0) return [];
  const query = { spaceId, agentId, readers, words, limit: LOOKED_AT, minScore: MIN_SCORE };
  // A piece of a document is its operator's to take back, and `/memory` lists none either.
  const hits = (await search.search(query, options)).filter(({ role }) => role === "memory");
  const best = Math.max(0, ...hits.map(({ score }) => score));
  const ids = hits.filter(({ score }) => score >= best * SHARE_OF_BEST).map(({ id }) => id);
  return inOrder(ids, await memories.find({ spaceId, readers, ids }, options));
}

function inOrder(ids: readonly string[], found: readonly MemoryRecord[]): readonly MemoryRecord[] {
  return ids.flatMap((id) => found.find((memory) => memory.id === id) ?? []);
}
