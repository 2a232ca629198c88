import { call, request } from "./call.ts";
import type {
  AgentCard,
  CommandCard,
  FilePart,
  FoundSession,
  List,
  MessageList,
  SessionList,
  SessionSummary,
  TurnChain,
  TurnList,
} from "./types.ts";

const at = encodeURIComponent;

export interface NewMessage {
  readonly text: string;
  readonly files: readonly FilePart[];
  /** Makes the message one, however often it is sent. */
  readonly key: string;
}

export interface BranchPoint {
  readonly messageId: string;
  readonly before: boolean;
  /** The same one gives the same branch. */
  readonly key: string;
}

export const exportAddress = (id: string, format: "markdown" | "json"): string =>
  `/api/sessions/${at(id)}/export?format=${format}`;

export const blobAddress = (blobId: string): string => `/api/blobs/${at(blobId)}`;

function bodyOf({ text, files }: NewMessage): object {
  if (files.length === 0) return { text };
  return { files: files.map(({ type: _, ...file }) => file), ...(text === "" ? {} : { text }) };
}

/** The calls of the chat page. */
export const chatApi = {
  agents: (): Promise<List<AgentCard>> => call("GET", "/api/agents"),
  commands: (language: string): Promise<List<CommandCard>> =>
    call("GET", `/api/commands?language=${language}`),
  sessions: (cursor?: string): Promise<SessionList> =>
    call("GET", `/api/sessions?mine=true&limit=50${cursor === undefined ? "" : `&cursor=${at(cursor)}`}`),
  search: (text: string): Promise<List<FoundSession>> => call("GET", `/api/sessions?query=${at(text)}`),
  rename: (id: string, title: string | null): Promise<SessionSummary> =>
    call("PATCH", `/api/sessions/${at(id)}`, { body: { title } }),
  remove: (id: string): Promise<unknown> => call("DELETE", `/api/sessions/${at(id)}?cancel=true`),
  /** A conversation that goes on from a message, or from before it. */
  branch: (id: string, from: BranchPoint): Promise<SessionSummary> =>
    call("POST", `/api/sessions/${at(id)}/branches`, {
      body: { messageId: from.messageId, before: from.before },
      headers: { "idempotency-key": from.key },
    }),
  upload: (file: Blob, name: string, signal: AbortSignal): Promise<FilePart> =>
    call("POST", `/api/blobs?name=${at(name)}`, {
      body: file,
      headers: { "content-type": file.type === "" ? "application/octet-stream" : file.type },
      signal,
    }),
  session: (id: string): Promise<SessionSummary> => call("GET", `/api/sessions/${at(id)}`),
  /** Newest first; `before` is a sequence number. */
  latestMessages: (id: string, limit: number, before?: string): Promise<MessageList> =>
    call(
      "GET",
      `/api/sessions/${at(id)}/messages?newest=true&limit=${limit}${before === undefined ? "" : `&cursor=${before}`}`,
    ),
  messagesAfter: (id: string, seq: number): Promise<MessageList> =>
    call("GET", `/api/sessions/${at(id)}/messages?limit=200&cursor=${seq}`),
  turns: (id: string, limit: number): Promise<TurnList> =>
    call("GET", `/api/turns?session=${at(id)}&limit=${limit}`),
  turn: (id: string): Promise<TurnChain> => call("GET", `/api/turns/${at(id)}`),
  events: (turnId: string, signal: AbortSignal): Promise<Response> =>
    request("GET", `/api/turns/${at(turnId)}/events`, { signal }),
  cancel: (turnId: string): Promise<unknown> => call("POST", `/api/turns/${at(turnId)}/cancel`),
  /** To a conversation that is there. */
  sendTo: (sessionId: string, message: NewMessage, signal: AbortSignal): Promise<Response> =>
    send(`/api/sessions/${at(sessionId)}/messages`, bodyOf(message), message.key, signal),
  /** Begins a conversation, or goes on with it before its id is known. */
  sendNew: (agentId: string, session: string, message: NewMessage, signal: AbortSignal): Promise<Response> =>
    send(`/api/agents/${at(agentId)}/messages`, { ...bodyOf(message), session }, message.key, signal),
};

export type ChatApi = typeof chatApi;

function send(path: string, body: unknown, key: string, signal: AbortSignal): Promise<Response> {
  const headers = { accept: "text/event-stream", "idempotency-key": key };
  return request("POST", path, { body, headers, signal });
}
