// The API of the house: people who come over HTTP, each with the key of one person or with one that many share.
import type {
  AgentDirectory,
  BlobStore,
  Clock,
  Inbox,
  JobPort,
  Logger,
  MessageBus,
  Stores,
  TurnControl,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { memoryRoutes } from "../../server/src/app/memory-routes.ts";
import { personRoutes } from "../../server/src/app/person-routes.ts";
import { storylineRoutes } from "../../server/src/app/storyline-routes.ts";
import {
  type AdminRoute,
  createBrowserRing,
  createGateway,
  createKeyRing,
  type FaceDeps,
  type Gateway,
} from "../../server/src/gateway/index.ts";
import { hashApiKey } from "../../server/src/kit/index.ts";
import type { PersonBook } from "../../server/src/memory/index.ts";
import { type FaceId, keyIdOf, type Place } from "./people.ts";

const options = { signal: new AbortController().signal };

export interface Faces {
  readonly gateway: Gateway;
  /** The same on a port, until it is closed; the other goes on. */
  listen(): ReturnType<Gateway["listen"]>;
  /** What operators alone may call, beside what the API describes. */
  readonly adminRoutes: readonly AdminRoute[];
}

export function composeFaces(
  deps: Omit<FaceDeps, "stores" | "catalogue" | "health" | "keyRing" | "browsers" | "version" | "inbox"> & {
    readonly stores: Stores;
    readonly people: PersonBook;
    readonly placer: { forgetAll(): void };
    readonly inbox: Inbox;
    readonly agents: AgentDirectory;
    readonly jobs: JobPort;
    readonly blobs: BlobStore;
    readonly bus: MessageBus;
    readonly control: TurnControl;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): Faces {
  const { stores, clock } = deps;
  const adminRoutes = [
    ...storylineRoutes(deps),
    ...personRoutes(deps),
    // Files of nights are made in no made house.
    ...memoryRoutes({
      ...deps,
      workspaceEraser: { eraseHeld: async () => {} },
      vectorModel: () => undefined,
    }),
  ];
  const whole = {
    ...deps,
    catalogue: { list: async () => ({ models: [], failures: [] }) },
    health: { ready: () => ({ ready: true, reasons: [] }), status: async () => ({}) },
    keyRing: createKeyRing({ keys: stores.keys, clock }),
    browsers: createBrowserRing({ signIns: stores.signIns, clock }),
    version: "leaks",
    a2a: () => ({ enabled: true }),
    config: { host: "127.0.0.1", port: 0 },
    adminRoutes,
  };
  return { gateway: createGateway(whole), listen: () => createGateway(whole).listen(), adminRoutes };
}

/** As whoever holds it sends it. */
export function secretKeyOf(keyId: string): string {
  return `trp_${keyId.replace("/", "-")}`;
}

export async function keepKeys(
  { keys, unit }: Pick<Stores, "keys" | "unit">,
  keyIds: readonly string[],
  at: number,
): Promise<void> {
  const records = keyIds.map((id) => ({
    ...{ id, name: id, spaceId: DEFAULT_SPACE_ID, kind: "key" as const, hash: hashApiKey(secretKeyOf(id)) },
    ...{ hint: "trp_", createdAt: at, revokedAt: undefined },
  }));
  await unit.commit(
    records.map((record) => keys.put(record)),
    options,
  );
}

/** A request with a key; `body` is sent as JSON, bytes as they are. */
export function ask(
  { gateway }: Pick<Faces, "gateway">,
  keyId: string,
  method: string,
  path: string,
  {
    body,
    headers = {},
  }: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const type = body instanceof Uint8Array ? "text/plain" : "application/json";
  const content = body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    headers: {
      ...{ host: "127.0.0.1", authorization: `Bearer ${secretKeyOf(keyId)}` },
      ...(body === undefined ? {} : { "content-type": type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: content }),
  });
  return Promise.resolve(gateway.fetch(request));
}

export interface SaidOnFace {
  readonly text: string;
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
}

export const DOORS = ["messages", "stream", "completions", "responses", "a2a"] as const;
export type Door = (typeof DOORS)[number];

/** Says it in a conversation, by one of the ways in. Resolves with the turn once the answer is there, and with all that came. */
export async function sayOnFace(
  faces: Pick<Faces, "gateway">,
  { platform, key, peerId }: Pick<Place, "key" | "peerId"> & { readonly platform: FaceId },
  { agentId, door }: { readonly agentId: string; readonly door: Door },
  { text, files }: SaidOnFace,
): Promise<{ readonly turnId: string; readonly heard: string }> {
  const keyId = keyIdOf(platform, peerId);
  const user = platform === "app" ? { user: peerId } : {};
  const send = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    ask(faces, keyId, "POST", path, { body, headers });
  const sent = async (): Promise<Response> => {
    if (files.length > 0 || door === "messages" || door === "stream") {
      const uploaded: unknown[] = [];
      for (const { name, content } of files) {
        const path = `/api/blobs?name=${encodeURIComponent(name)}`;
        uploaded.push(await (await ask(faces, keyId, "POST", path, { body: content })).json());
      }
      const accept = door === "stream" ? "text/event-stream" : "application/json";
      const body = { text, session: key, ...user, ...(files.length === 0 ? {} : { files: uploaded }) };
      return send(`/api/agents/${agentId}/messages`, body, { accept });
    }
    const named = { "x-troupe-session": key };
    if (door === "completions") {
      const messages = [{ role: "user", content: text }];
      return send("/v1/chat/completions", { model: agentId, stream: true, messages, ...user }, named);
    }
    if (door === "responses") return send("/v1/responses", { model: agentId, input: text, ...user }, named);
    const message = { messageId: crypto.randomUUID(), role: "ROLE_USER", contextId: key, parts: [{ text }] };
    const call = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } };
    return send(`/a2a/${agentId}`, call, { "a2a-version": "1.0" });
  };
  const response = await sent();
  const heard = await response.text();
  const turnId = response.headers.get("x-troupe-turn") ?? taskIn(heard);
  if (!response.ok || turnId === undefined)
    throw new Error(`${door} of ${platform} answered ${response.status}: ${heard.slice(0, 300)}`);
  return { turnId, heard };
}

function taskIn(text: string): string | undefined {
  const { result } = JSON.parse(text) as { readonly result?: { readonly task?: { readonly id: string } } };
  return result?.task?.id;
}
