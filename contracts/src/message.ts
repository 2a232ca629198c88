/** What people and agents said, as it is kept. */

export interface TextPart {
  readonly type: "text";
  readonly text: string;
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
 * results of those calls, then the next step; a step begins where a text or call follows a result.
 */
export type MessagePart = TextPart | ToolCallPart | ToolResultPart;

/** `notice` is Troupe speaking about a turn (it failed, it was cancelled); a model never sees one. */
export type MessageRole = "user" | "assistant" | "notice";

/**
 * How the turn of a message ended. A message begins as `ok` and is changed when its turn ends badly; whether a turn has
 * ended is asked of the turn. Messages of a turn that did not end well are not shown to a model as they are.
 */
export type MessageOutcome = "ok" | "failed" | "cancelled";

/** Peer ids of everyone who knows this. Sorted, without repeats, never empty. Source: design §2 rule 7. */
export type Audience = readonly string[];

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
}

/** The readable text of a message: its text parts, a paragraph each. */
export function textOf(parts: readonly MessagePart[]): string {
  if (parts.length === 1 && parts[0]?.type === "text") return parts[0].text;
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}
