/** Conversations kept in a real store as Troupe keeps them, and asked as Troupe asks. */
import type { EmbeddingModel, QuestionMeaning, SearchHit, Stores, Write } from "@troupe/contracts";
import { createLogger, createMetrics, systemClock, wordsOf } from "../../server/src/kit/index.ts";
import { createEmbeddedModels, loadVectors } from "../../server/src/memory/index.ts";
import type { Said } from "./locomo.ts";
import { options } from "./store-common.ts";

const SPACE = "default";
const AGENT = "ana";
const OWNER = "key-1";
const BATCH = 50;
const INDEX_BATCH = 1_000;

export interface Meeting {
  readonly id: string;
  readonly peers: readonly string[];
  readonly said: readonly Said[];
}

/**
 * One session of a group: each speaker is a peer, all of them are its audience, and a line begins with its speaker's name,
 * as in any written conversation.
 */
export async function keepMeeting(stores: Stores, { id, peers, said }: Meeting): Promise<void> {
  const audience = peers.toSorted();
  const { sessions, unit } = stores;
  for (let from = 0; from < said.length; from += BATCH) {
    const some = said.slice(from, from + BATCH);
    const writes: Write<unknown>[] = [
      sessions.touch({
        ...{ id, spaceId: SPACE, agentId: AGENT, channel: "api", key: id, peerId: audience[0] as string },
        ...{ ownerId: OWNER, audience, stateless: false, at: some[0]?.at ?? 0, count: some.length },
      }),
      ...some.map(({ speaker, text, at, id: messageId }, i) =>
        sessions.append({
          ...{ id: `${id}/${messageId}`, spaceId: SPACE, sessionId: id, turnId: `${id}/${messageId}` },
          ...{ turnSeq: "same" as const, role: "user" as const, audience, outcome: "ok" as const },
          ...{ createdAt: at, fromLast: some.length - 1 - i },
          parts: [{ type: "text" as const, text: `${speaker}: ${text}` }],
        }),
      ),
    ];
    await unit.commit(writes, options);
  }
}

export async function indexAll({ search }: Pick<Stores, "search">): Promise<number> {
  let indexed = 0;
  for (;;) {
    const count = await search.indexNew(INDEX_BATCH, options);
    indexed += count;
    if (count === 0) return indexed;
  }
}

const MODEL_ID = "words-128";
const EMBEDDED = createEmbeddedModels().embedding(MODEL_ID) as EmbeddingModel;
const MODEL = `${EMBEDDED.provider}/${MODEL_ID}`;

/** Embeds everything as a Troupe does behind its turns, by the model that ships with it; how many there were. */
export async function embedAll({ vectors, unit }: Pick<Stores, "vectors" | "unit">): Promise<number> {
  const { createVectorFiller } = await loadVectors();
  const filler = createVectorFiller({
    ...{
      vectors,
      unit,
      logger: createLogger({ level: "warn" }),
      clock: systemClock(),
      metrics: createMetrics(),
      spaceId: SPACE,
    },
    model: () => MODEL,
    embed: ({ texts }, call) => EMBEDDED.embed({ texts }, call),
  });
  await filler.flush(options);
  const [{ count } = { count: 0 }] = await vectors.counts(SPACE, options);
  return count;
}

/** Of a question, by the same model. */
export async function meaningOf(text: string): Promise<QuestionMeaning | undefined> {
  const { vectors } = await EMBEDDED.embed({ texts: [text] }, options);
  const [vector] = vectors;
  return vector === undefined ? undefined : { model: MODEL, vector };
}

export interface Question {
  readonly text: string;
  readonly reader: string;
  readonly limit: number;
  /** UTC milliseconds. */
  readonly askedAt: number;
  /** Asks by meaning too. */
  readonly byMeaning: boolean;
}

/** What one reader's question finds, best first, over all that was kept. */
export function ask(
  { search }: Pick<Stores, "search">,
  { text, reader, limit, askedAt, byMeaning }: Question,
): Promise<readonly SearchHit[]> {
  const words = wordsOf(text);
  const asked = { spaceId: SPACE, agentId: AGENT, readers: [reader], words, text, askedAt, limit };
  const meaning = byMeaning ? { meaning: () => meaningOf(text) } : {};
  return search.search({ ...asked, ...meaning }, options);
}
