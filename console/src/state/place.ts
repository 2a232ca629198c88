import { isNew } from "./chat-state.ts";

/** What the address shows: a conversation, or a new one with an agent. */
export type Place =
  | { readonly at: "session"; readonly id: string }
  | { readonly at: "new"; readonly agentId: string }
  /** Empty: the list. */
  | { readonly at: "inbox"; readonly itemId: string }
  | { readonly at: "anywhere" };

export function placeOf(hash: string): Place {
  const mail = /^#\/inbox(?:\/([^/]+))?$/.exec(hash);
  if (mail !== null) return { at: "inbox", itemId: decodeURIComponent(mail[1] ?? "") };
  const [, kind, id = ""] = /^#\/(s|new)\/([^/]+)$/.exec(hash) ?? [];
  if (kind === "s") return { at: "session", id: decodeURIComponent(id) };
  if (kind === "new") return { at: "new", agentId: decodeURIComponent(id) };
  return { at: "anywhere" };
}

export function hashOf(threadId: string, agentId: string, inbox?: string): string {
  if (inbox !== undefined) return inbox === "" ? "#/inbox" : `#/inbox/${encodeURIComponent(inbox)}`;
  return isNew(threadId) ? `#/new/${encodeURIComponent(agentId)}` : `#/s/${encodeURIComponent(threadId)}`;
}
