import { EVERYONE } from "@troupe/contracts";
import type { Value } from "../statement.ts";
import { scopeOf, wordsOf } from "../words.ts";
import { asks, type Hints, hintsOf } from "./hints.ts";

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
  readonly effort: Effort;
  readonly limit: number;
  readonly minScore: number;
  readonly except: { readonly sessionId: Value; readonly fromTurnSeq: number } | undefined;
}

/** The question as `ports/search.ts` binds it. */
export function questionOf(values: readonly Value[]): Question {
  const [spaceId, agentId, readers, scopes, words, limit, minScore, sessionId, fromTurnSeq, text, askedAt] =
    values;
  const asked = [...new Set((JSON.parse(String(words)) as string[]).flatMap(wordsOf))].slice(0, MAX_ASKED);
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
    effort: effortFor(most, isQuestion),
    limit: most,
    minScore: Number(minScore),
    except: typeof sessionId === "string" ? { sessionId, fromTurnSeq: Number(fromTurnSeq) } : undefined,
  };
}
