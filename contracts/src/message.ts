/** What people and agents said, as it is kept. */

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/**
 * An image or another file of a message. Its bytes are a blob, which whoever knows the message may read, and
 * whoever knows its id already: the hash of the bytes, that only they or a message tell, may be named in a message of one's own.
 * Only a person's messages hold files in this version.
 */
export interface FilePart {
  readonly type: "file";
  /** Id in the `BlobStore` of the message's space. */
  readonly blobId: string;
  /** `image/png`; without parameters, in lower case. */
  readonly mediaType: string;
  /** As its sender called it; for people and models, never a path. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** A call the model made. `arguments` is the model's own JSON text, byte for byte, so that history survives a round trip. */
export interface ToolCallPart {
  readonly type: "tool-call";
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
}

export interface ToolResultPart {
  readonly type: "tool-result";
  readonly callId: string;
  readonly name: string;
  readonly text: string;
  readonly isError?: boolean;
}

/**
 * A piece of a message. One assistant message holds a whole turn in order: text and tool calls of a model step, the
 * results of those calls, then the next step; a step begins where a text or call follows a result. A reply may end with
 * calls of the client's own tools, unanswered; their results then are parts of the client's next message.
 */
export type MessagePart = TextPart | FilePart | ToolCallPart | ToolResultPart;

/** `notice` is Troupe speaking about a turn (it failed, it was cancelled); a model never sees one. */
export type MessageRole = "user" | "assistant" | "notice";

/**
 * How the turn of a message ended. A message begins as `ok` and is changed when its turn ends otherwise than with an answer; whether
 * a turn has ended is asked of the turn. Messages of a turn that did not end well are not shown to a model as they are, those
 * of one that was `suppressed` not at all.
 */
export type MessageOutcome = "ok" | "failed" | "cancelled" | "suppressed";

/** Peer ids of everyone who knows this. Sorted, without repeats, never empty. Source: design §2 rule 7. */
export type Audience = readonly string[];

/**
 * Alone in an audience: whoever talks with the agent, now or later, may be told. Only what an operator gave an agent to read has
 * it, and no peer has this id.
 */
export const EVERYONE = "*";

/** Who wrote a message that several people read. */
export interface Author {
  /** As audiences call them. */
  readonly peerId: string;
  /** As their channel shows them to people, at most `MAX_AUTHOR_NAME` characters on one line. Absent: it shows none. */
  readonly name?: string;
}

export const MAX_AUTHOR_NAME: number = 64;

export interface Message {
  readonly id: string;
  readonly spaceId: string;
  readonly sessionId: string;
  readonly turnId: string;
  /** Order of arrival in the session, from 1, assigned by the accepting commit. Ids and clocks never order. */
  readonly seq: number;
  /** `seq` of the first message of the same turn. A model's history is ordered by `(turnSeq, seq)`. */
  readonly turnSeq: number;
  readonly role: MessageRole;
  readonly parts: readonly MessagePart[];
  readonly audience: Audience;
  readonly outcome: MessageOutcome;
  /** UTC milliseconds. */
  readonly createdAt: number;
  /** Absent where one person alone reads, who then is the author, and where the channel does not say. */
  readonly author?: Author;
}

/** The files of a message, in its order; the same empty list where it has none. */
export function filesOf(parts: readonly MessagePart[]): readonly FilePart[] {
  return parts.some((part) => part.type === "file") ? parts.filter((part) => part.type === "file") : NO_FILES;
}

const NO_FILES: readonly FilePart[] = [];

/** The readable text of a message: its text parts, a paragraph each. */
export function textOf(parts: readonly MessagePart[]): string {
  if (parts.length === 1 && parts[0]?.type === "text") return parts[0].text;
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

/** Calls of a reply that nobody answered: those of the client's own tools. */
export function openCallsOf(parts: readonly MessagePart[]): readonly ToolCallPart[] {
  if (!parts.some((part) => part.type === "tool-call")) return [];
  let calls: ToolCallPart[] = [];
  // A step begins where a call follows a result, and some servers give the calls of every step the same ids.
  let answered = new Set<string>();
  for (const part of parts) {
    if (part.type === "tool-result") answered.add(part.callId);
    // What the agent says after its calls is a later step: nobody waits for them any more.
    else if (part.type === "text") calls = [];
    else if (part.type === "tool-call") {
      if (answered.size > 0) {
        calls = calls.filter(({ callId }) => !answered.has(callId));
        answered = new Set();
      }
      calls.push(part);
    }
  }
  return calls.filter(({ callId }) => !answered.has(callId));
}
