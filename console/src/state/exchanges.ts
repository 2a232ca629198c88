import type { Message, Turn } from "../api/types.ts";
import type { Outgoing, Thread } from "./chat-state.ts";
import type { LiveTurn } from "./turn-view.ts";

export type Question =
  | { readonly kind: "kept"; readonly message: Message }
  | { readonly kind: "outgoing"; readonly outgoing: Outgoing };

/** What one turn shows: what was asked, and what came of it. */
export interface Exchange {
  readonly id: string;
  readonly turnId: string | undefined;
  readonly questions: readonly Question[];
  readonly reply: Message | undefined;
  /** Troupe speaking about the turn: it failed, or it was stopped. */
  readonly notice: Message | undefined;
  readonly turn: Turn | undefined;
  readonly live: LiveTurn | undefined;
}

/** The conversation, a turn after the other in the order in which they were asked. */
export function exchangesOf(thread: Thread): readonly Exchange[] {
  const found = new Map<string, { questions: Question[]; reply?: Message; notice?: Message }>();
  const open = (id: string) => {
    const known = found.get(id) ?? { questions: [] };
    found.set(id, known);
    return known;
  };
  for (const message of thread.messages) {
    const exchange = open(message.turnId);
    if (message.role === "user") exchange.questions.push({ kind: "kept", message });
    else if (message.role === "notice") exchange.notice = message;
    else exchange.reply = message;
  }
  for (const outgoing of thread.outgoing) {
    open(outgoing.turnId ?? outgoing.key).questions.push({ kind: "outgoing", outgoing });
  }
  for (const turnId of Object.keys(thread.live)) open(turnId);
  return [...found].map(([id, exchange]) => ({
    id,
    turnId:
      id in thread.live || id in thread.turns || exchange.questions[0]?.kind === "kept" ? id : undefined,
    questions: exchange.questions,
    reply: exchange.reply,
    notice: exchange.notice,
    turn: thread.turns[id],
    live: thread.live[id],
  }));
}
