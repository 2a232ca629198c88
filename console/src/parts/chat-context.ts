import { createContext, useContext } from "react";
import type { Me } from "../api/types.ts";
import type { Chat } from "../state/chat.ts";
import type { ChatState, Thread } from "../state/chat-state.ts";
import type { Mailbox, MailboxState } from "../state/mailbox.ts";
import type { Settings } from "../state/settings.ts";
import { type Store, useStore } from "../state/store.ts";

export interface Page {
  readonly chat: Chat;
  readonly mailbox: Mailbox;
  readonly me: Me;
  readonly settings: Store<Settings>;
}

export const PageContext = createContext<Page | undefined>(undefined);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error("This part belongs into the chat page.");
  return page;
}

export function useChat<Part>(select: (state: ChatState) => Part): Part {
  return useStore(usePage().chat.store, select);
}

export function useMailbox<Part>(select: (state: MailboxState) => Part): Part {
  return useStore(usePage().mailbox.store, select);
}

export function useThread(id: string): Thread | undefined {
  return useChat((state) => state.threads[id]);
}

/** What people call an agent. */
export function useAgentName(agentId: string): string {
  return useChat((state) => state.agents.find(({ id }) => id === agentId)?.name ?? agentId);
}
