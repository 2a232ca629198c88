import type { InboxEntry, InboxItem } from "@troupe/contracts";
import { call } from "./call.ts";
import type { List } from "./types.ts";

export type { InboxEntry, InboxItem } from "@troupe/contracts";

export interface InboxList extends List<InboxEntry> {
  readonly unread: number;
}

const at = (id: string): string => `/api/inbox/${encodeURIComponent(id)}`;

/** The calls of the inbox. */
export const inboxApi = {
  list: (cursor?: string): Promise<InboxList> =>
    call("GET", `/api/inbox?limit=50${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`),
  read: (id: string): Promise<InboxItem> => call("POST", `${at(id)}/read`),
  unread: (id: string): Promise<InboxItem> => call("POST", `${at(id)}/unread`),
  readAll: (): Promise<unknown> => call("POST", "/api/inbox/read"),
  remove: (id: string): Promise<unknown> => call("DELETE", at(id)),
};

export type InboxApi = typeof inboxApi;
