import { type MessagePart, textOf } from "@troupe/contracts";
import { isKnownToAll } from "../../kit/index.ts";
import type { Row } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";
import type { Question } from "./question.ts";

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
  /** Of its vector by the question's model, as the store keeps it; null where it has none, or nobody asked. */
  numbers: string | null,
  /** How a memory felt, as the store keeps it. */
  emotion: string | null,
];

export type Kind = "message" | "memory";

/**
 * Says of a record whether the question's readers may be told it. The audience is compared in full, for a scope is a short
 * hash, and hashes may meet; once for all records of one audience.
 */
export function createTeller({ spaceId, agentId, readers, except }: Question): (record: Found) => boolean {
  const known = new Map<string, boolean>();
  const mayKnow = (audience: string): boolean => {
    let answer = known.get(audience);
    if (answer === undefined) {
      const knowing = JSON.parse(audience) as string[];
      answer = isKnownToAll(knowing, readers);
      known.set(audience, answer);
    }
    return answer;
  };
  return ([, , sessionId, turnSeq, , , , audience, space, agent, v]) => {
    if (space !== spaceId || agent !== agentId || v > PAYLOAD_VERSION) return false;
    if (except !== undefined && sessionId === except.sessionId && (turnSeq ?? 0) >= except.fromTurnSeq)
      return false;
    return mayKnow(audience);
  };
}

/** One part of text without escapes, as nearly all messages are, is read without parsing. */
const PLAIN_BEFORE = '[{"type":"text","text":"';
const PLAIN_AFTER = '"}]';

function textOfParts(body: string): string {
  if (body.startsWith(PLAIN_BEFORE) && body.endsWith(PLAIN_AFTER) && !body.includes("\\")) {
    const end = body.length - PLAIN_AFTER.length;
    if (body.indexOf('"', PLAIN_BEFORE.length) === end) return body.slice(PLAIN_BEFORE.length, end);
  }
  return textOf(JSON.parse(body) as MessagePart[]);
}

export function textOfFound(kind: Kind, [, , , , , body]: Found): string {
  return kind === "message" ? textOfParts(body) : body;
}

export function hitOf(kind: Kind, record: Found, text: string, score: number): Row {
  const [, id, sessionId, turnSeq, role, , createdAt, audience] = record;
  return [kind, id, sessionId, turnSeq, role, text, createdAt, score, audience];
}
