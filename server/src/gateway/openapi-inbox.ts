import { type Operation, PAGE_QUERY } from "./openapi-operation.ts";

/** What waits for people to read. */
export const INBOX_OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/api/inbox": {
    get: {
      summary: "What waits for you to read, the newest first, with the beginning of each text",
      tag: "inbox",
      answers: { 200: "InboxPage" },
      query: { ...PAGE_QUERY, unread: "true: only what is unread" },
    },
  },
  "/api/inbox/read": {
    post: { summary: "Mark all as read", tag: "inbox", answers: { 200: "InboxRead" } },
  },
  "/api/inbox/{id}": {
    get: { summary: "One item, with its text", tag: "inbox", answers: { 200: "InboxItem" } },
    delete: { summary: "Put an item away for good", tag: "inbox", answers: { 200: "InboxRemoval" } },
  },
  "/api/inbox/{id}/read": {
    post: { summary: "Mark an item as read", tag: "inbox", answers: { 200: "InboxItem" } },
  },
  "/api/inbox/{id}/unread": {
    post: { summary: "Mark an item as unread", tag: "inbox", answers: { 200: "InboxItem" } },
  },
};
