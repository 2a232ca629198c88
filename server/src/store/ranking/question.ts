import { EVERYONE, type MemoryEmotion } from "@troupe/contracts";
import type { Value } from "../statement.ts";
import { scopeOf, wordsOf } from "../words.ts";
import { asks, type Hints, hintsOf } from "./hints.ts";
import { vectorOf } from "./vector-text.ts";

/** Most words of a question that are looked up; the rest adds cost and no meaning. Each is a bit of a number. */
const MAX_ASKED = 16;

/** How much is looked at, so that a search for a prompt costs little and one that a person asks for finds more. */
export interface Effort {
  /** Newest records looked at for each word: bounds the work, and a rare word still finds its oldest use. */
  readonly perWord: number;
  /** Best messages by their own words, around which the conversation is looked at; 0 where nothing is asked. */
  readonly seeds: number;
  /** Best by their words and those around them, whose texts are read. */
  readonly read: number;
}

const FEW = 8;

function effortFor(limit: number, isQuestion: boolean): Effort {
  if (!isQuestion) return { perWord: 128, seeds: 0, read: limit };
  return {
    perWord: limit <= FEW ? 256 : 1024,
    seeds: Math.max(limit, Math.min(160, 8 * limit)),
    read: Math.max(limit, Math.min(96, 5 * limit)),
  };
}

/** How many values a question is bound as. */
export const QUESTION_VALUES = 14;

export interface Meaning {
  /** `provider/model`, whose vectors are compared with it. */
  readonly model: string;
  readonly vector: Float32Array;
}

/** What a search asks; where the words are looked up is the database's affair. */
export interface Question {
  readonly spaceId: Value;
  readonly agentId: Value;
  readonly readers: readonly string[];
  /** Scopes of the readers, as JSON. */
  readonly scopes: string;
  /** Scope of what everybody may be told. */
  readonly everyone: string;
  readonly asked: readonly string[];
  /** What the form of the question says; undefined where nothing is asked, and words alone are looked for. */
  readonly hints: Hints | undefined;
  /** Of what is asked; undefined where nobody knows it. */
  readonly meaning: Meaning | undefined;
  /** How the asker feels; undefined where nobody knows, or nobody wants to. */
  readonly mood: MemoryEmotion | undefined;
  readonly effort: Effort;
  readonly limit: number;
  readonly minScore: number;
  readonly except: { readonly sessionId: Value; readonly fromTurnSeq: number } | undefined;
}

/** The question as `ports/search.ts` binds it. */
export function questionOf(values: readonly Value[]): Question {
  const [spaceId, agentId, readers, scopes, words, limit, minScore, sessionId, fromTurnSeq, ...asking] =
    values;
  const [text, askedAt, model, numbers, mood] = asking;
  // At once: what brings a text to its words costs the same for one word and for twelve.
  const asked = wordsOf((JSON.parse(String(words)) as string[]).join(" ")).slice(0, MAX_ASKED);
  const most = Number(limit);
  const isQuestion = typeof text === "string" && asks(text);
  return {
    spaceId: spaceId ?? null,
    agentId: agentId ?? null,
    readers: JSON.parse(String(readers)) as string[],
    scopes: String(scopes),
    everyone: scopeOf(String(spaceId), String(agentId), EVERYONE),
    asked,
    hints: isQuestion ? hintsOf(text, typeof askedAt === "number" ? askedAt : undefined) : undefined,
    meaning: isQuestion ? meaningOf(model, numbers) : undefined,
    mood: typeof mood === "string" ? (JSON.parse(mood) as MemoryEmotion) : undefined,
    effort: effortFor(most, isQuestion),
    limit: most,
    minScore: Number(minScore),
    except: typeof sessionId === "string" ? { sessionId, fromTurnSeq: Number(fromTurnSeq) } : undefined,
  };
}

function meaningOf(model: Value | undefined, numbers: Value | undefined): Meaning | undefined {
  if (typeof model !== "string" || typeof numbers !== "string") return undefined;
  const vector = vectorOf(numbers, Buffer.byteLength(numbers, "base64") / 4);
  return vector === undefined ? undefined : { model, vector };
}
