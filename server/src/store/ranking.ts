import { type MessagePart, textOf } from "@troupe/contracts";
import type { Row, Value } from "./statement.ts";
import { PAYLOAD_VERSION } from "./tables.ts";
import { wordsOf } from "./words.ts";

/** What a search asks and how what it finds is ordered; where the words are looked up is the database's affair. */

/** Most words of a question that are looked up; the rest adds cost and no meaning. */
const MAX_ASKED = 16;
/** Newest records looked at for each word: bounds the work, and a rare word still finds its oldest use. */
export const PER_WORD = 128;
/** Above every row number. */
export const NO_ROW: number = Number.MAX_SAFE_INTEGER;

export interface Question {
  readonly spaceId: Value;
  readonly agentId: Value;
  readonly readers: readonly string[];
  /** Scopes of the readers, as JSON. */
  readonly scopes: string;
  readonly asked: readonly string[];
  readonly limit: number;
  readonly minScore: number;
  readonly except: { readonly sessionId: Value; readonly fromTurnSeq: number } | undefined;
}

export interface Candidate {
  readonly kind: "message" | "memory";
  readonly row: number;
  /** Bit i: holds asked word i. */
  words: number;
}

/** The question as `ports/search.ts` binds it. */
export function questionOf(values: readonly Value[]): Question {
  const [spaceId, agentId, readers, scopes, words, limit, minScore, sessionId, fromTurnSeq] = values;
  const asked = [...new Set((JSON.parse(String(words)) as string[]).flatMap(wordsOf))].slice(0, MAX_ASKED);
  return {
    spaceId: spaceId ?? null,
    agentId: agentId ?? null,
    readers: JSON.parse(String(readers)) as string[],
    scopes: String(scopes),
    asked,
    limit: Number(limit),
    minScore: Number(minScore),
    except: typeof sessionId === "string" ? { sessionId, fromTurnSeq: Number(fromTurnSeq) } : undefined,
  };
}

type Ranked = Candidate & { readonly score: number };

/** Best first; memories before messages and the newest first among equals. */
export function rank(candidates: readonly Candidate[], { asked, minScore }: Question): Ranked[] {
  const weights = weightsOf(candidates, asked.length);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const ranked: Ranked[] = [];
  for (const { kind, row, words } of candidates) {
    let weight = 0;
    for (let i = 0; i < weights.length; i++) if (words & (1 << i)) weight += weights[i] ?? 0;
    const score = weight / whole;
    if (score >= minScore) ranked.push({ kind, row, words, score });
  }
  return ranked.sort(
    (a, b) =>
      b.score - a.score || Number(a.kind === "message") - Number(b.kind === "message") || b.row - a.row,
  );
}

/** What each asked word counts: the more the fewer of the found records hold it. */
function weightsOf(candidates: readonly Candidate[], asked: number): readonly number[] {
  const counts = new Array<number>(asked).fill(0);
  for (const { words } of candidates) {
    for (let i = 0; i < asked; i++) if (words & (1 << i)) counts[i] = (counts[i] ?? 0) + 1;
  }
  return counts.map((count) => Math.log(1 + candidates.length / (count + 1)));
}

/** A record that was found, whole. */
export type Found = readonly [
  row: number,
  id: string,
  sessionId: string | null,
  turnSeq: number | null,
  role: string,
  body: string,
  createdAt: number,
  audience: string,
  spaceId: string,
  agentId: string,
  v: number,
];

/** The audience is compared in full: a scope is a short hash, and hashes may meet. */
export function mayBeTold(record: Found, question: Question): boolean {
  const [, , sessionId, turnSeq, , , , audience, spaceId, agentId, v] = record;
  const { except, readers } = question;
  if (spaceId !== question.spaceId || agentId !== question.agentId || v > PAYLOAD_VERSION) return false;
  if (except !== undefined && sessionId === except.sessionId && (turnSeq ?? 0) >= except.fromTurnSeq)
    return false;
  const knowing = JSON.parse(audience) as string[];
  return readers.every((reader) => knowing.includes(reader));
}

export function hitOf(kind: Candidate["kind"], record: Found, score: number): Row {
  const [, id, sessionId, turnSeq, role, body, createdAt] = record;
  const text = kind === "message" ? textOf(JSON.parse(body) as MessagePart[]) : body;
  return [kind, id, sessionId, turnSeq, role, text, createdAt, score];
}
