import type { Author, Message, MessageOutcome, MessagePart, MessageRole } from "@troupe/contracts";
import type { Row } from "../statement.ts";
import type { MessageTable, TupleOf } from "../tables.ts";
import { type PortDeps, parseAudience, parsePayload } from "./kit.ts";

/** Columns of a message in the order of its decoder. */
export const MESSAGE_COLUMNS = [
  "id",
  "space_id",
  "session_id",
  "turn_id",
  "seq",
  "turn_seq",
  "role",
  "v",
  "parts",
  "audience",
  "outcome",
  "created_at",
  "author",
  "author_name",
] as const;

export function messageOf(deps: PortDeps, row: Row): Message | undefined {
  const [id, spaceId, sessionId, turnId, seq, turnSeq, role, v, text, audience, outcome, createdAt, ...by] =
    row as unknown as TupleOf<MessageTable, typeof MESSAGE_COLUMNS>;
  const [author, authorName] = by;
  const parts = parsePayload<readonly MessagePart[]>(deps, { what: "message", id, v, text });
  if (parts === undefined) return undefined;
  return {
    id,
    spaceId,
    sessionId,
    turnId,
    seq,
    turnSeq,
    role: role as MessageRole,
    parts,
    audience: parseAudience(audience),
    outcome: outcome as MessageOutcome,
    createdAt,
    ...(author === null ? {} : { author: authorOf(author, authorName) }),
  };
}

function authorOf(peerId: string, name: string | null): Author {
  return name === null ? { peerId } : { peerId, name };
}
