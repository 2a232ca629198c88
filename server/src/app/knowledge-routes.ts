import {
  type Audience,
  type CallOptions,
  EVERYONE,
  type KnowledgeDocument,
  type Page,
  type Stores,
  TroupeError,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { guardedFetch, keptName, type Metrics, safeText } from "../kit/index.ts";
import { type KeptDocument, type Knowledge, loadKnowledge } from "../memory/index.ts";
import type { SwappableAgents } from "./agents.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";
import { pageIn } from "./page-query.ts";

const MAX_BYTES = 4 * 1024 * 1024;
const FETCH_WITHIN_MS = 30_000;
const ACCEPT = "text/html, text/markdown, text/plain;q=0.9, application/json;q=0.8, text/*;q=0.7";
const READABLE = /^$|^text\/|[/+]json$|^application\/(?:xhtml\+xml|xml|yaml|x-yaml|octet-stream)$/;
const LONGEST_SOURCE = 2_000;
const MOST_READERS = 200;

interface KnowledgeParts extends Pick<Foundation, "clock" | "logger"> {
  readonly stores: Pick<Stores, "unit" | "memories" | "documents">;
  readonly metrics: Metrics;
  readonly agents: Pick<SwappableAgents, "get">;
  readonly config: () => Config;
}

export interface ShownDocument {
  readonly document: KnowledgeDocument;
  /** 200 at most, after as many as were asked to be passed over. */
  readonly pieces: readonly { readonly id: string; readonly text: string }[];
}

export type { KeptDocument };

/** Giving agents files and pages to read, and taking them back. The operator's alone. */
export function knowledgeRoutes(parts: KnowledgeParts): readonly AdminRoute[] {
  let opened: Promise<Knowledge> | undefined;
  const knowledge = (): Promise<Knowledge> => {
    opened ??= loadKnowledge().then(({ createKnowledge, readOnThread }) =>
      createKnowledge({ ...parts, ...parts.stores, read: readOnThread }),
    );
    return opened;
  };
  return [
    {
      ...{ method: "POST", path: "/admin/knowledge", bringsFile: true },
      handle: async (request) => add(parts, await knowledge(), request),
    },
    { method: "GET", path: "/admin/knowledge", handle: (request) => list(parts, request) },
    {
      ...{ method: "GET", path: "/admin/knowledge/:id" },
      handle: async (request) => show(parts, await knowledge(), request),
    },
    {
      ...{ method: "DELETE", path: "/admin/knowledge/:id" },
      handle: async (request) => remove(await knowledge(), request),
    },
  ];
}

async function add(
  parts: KnowledgeParts,
  knowledge: Knowledge,
  request: AdminRequest,
): Promise<KeptDocument> {
  const { agent = "", source = "", ...body } = given(await request.json());
  const { spaceId } = request.principal;
  if (parts.agents.get(spaceId, agent) === undefined)
    throw misuse(`There is no agent "${safeText(agent.slice(0, 100))}". ./troupe agent list names them.`);
  if (source === "" || source.length > LONGEST_SOURCE)
    throw misuse(
      `"source" is the path of a file or the address of a page, of at most ${LONGEST_SOURCE} characters.`,
    );
  const raw =
    body.content === undefined ? await fetched(parts, source, request) : await sent(source, body.content);
  const title = body.title?.trim();
  return await knowledge.add(
    {
      ...{ spaceId, agentId: agent, audience: audienceIn(body.audience), ...raw },
      ...(title === undefined || title === "" ? {} : { title }),
    },
    request,
  );
}

type Raw = Pick<Parameters<Knowledge["add"]>[0], "source" | "bytes" | "mediaType" | "charset" | "name">;

async function sent(source: string, content: string): Promise<Raw> {
  const { mediaTypeOf, nameOf } = await loadKnowledge();
  const bytes = Buffer.from(content, "base64");
  if (bytes.length > MAX_BYTES)
    throw misuse(`The file is longer than ${MAX_BYTES} bytes. Give it in several files.`);
  const name = nameOf(source);
  return { source: keptName(source), bytes, mediaType: mediaTypeOf(name), name };
}

/** The same page is the same document, whatever it leads on to. */
async function fetched({ config }: KnowledgeParts, address: string, options: CallOptions): Promise<Raw> {
  const { mediaTypeOf, nameOf } = await loadKnowledge();
  const { privateHosts } = config().knowledge;
  const page = await guardedFetch(address, {
    ...{
      signal: options.signal,
      maxBytes: MAX_BYTES,
      timeoutMs: FETCH_WITHIN_MS,
      accept: ACCEPT,
      privateHosts,
    },
  });
  if (!READABLE.test(page.mediaType)) {
    const what = page.mediaType.slice(0, 80);
    throw misuse(`The page is "${what}"; Troupe reads text, Markdown, HTML, JSON and CSV.`);
  }
  const source = new URL(address);
  source.hash = "";
  const name = nameOf(page.url);
  // Many servers call Markdown plain text.
  const isVague = ["", "text/plain", "application/octet-stream"].includes(page.mediaType);
  const { bytes, charset } = page;
  return {
    source: source.href,
    bytes,
    charset,
    mediaType: isVague ? mediaTypeOf(name) : page.mediaType,
    name,
  };
}

interface Body {
  readonly agent?: string;
  readonly source?: string;
  readonly title?: string;
  /** Bytes of a file in base64; absent: `source` is an address, which is fetched. */
  readonly content?: string;
  readonly audience?: unknown;
}

function given(body: unknown): Body {
  const fields = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
  for (const name of ["agent", "source", "title", "content"]) {
    if (fields[name] !== undefined && typeof fields[name] !== "string")
      throw misuse(
        `"${name}" must be text. The body is {"agent", "source", "content", "title", "audience"}.`,
      );
  }
  return fields;
}

/** Everybody unless somebody is named. */
function audienceIn(value: unknown): Audience {
  if (value === undefined) return [EVERYONE];
  const names = Array.isArray(value) ? value : [];
  const isGood = names.every((name) => typeof name === "string" && name !== "" && name.length <= 400);
  const isMixed = names.length > 1 && names.includes(EVERYONE);
  if (!isGood || isMixed || names.length === 0 || names.length > MOST_READERS)
    throw misuse(
      `"audience" must be a list of ids of peers, or ["${EVERYONE}"] alone for everybody; at most ${MOST_READERS}.`,
    );
  return names.map((name) => keptName(String(name)));
}

function list(
  { stores }: KnowledgeParts,
  { query, principal, signal }: AdminRequest,
): Promise<Page<KnowledgeDocument>> {
  return stores.documents.list(
    { spaceId: principal.spaceId, agentId: query.get("agent") ?? undefined, ...pageIn(query) },
    { signal },
  );
}

async function show(
  { stores }: KnowledgeParts,
  knowledge: Knowledge,
  request: AdminRequest,
): Promise<ShownDocument> {
  const { id = "" } = request.params;
  const document = await stores.documents.get(request.principal.spaceId, id, request);
  if (document === undefined) throw unknown(id);
  const after = Math.max(0, Math.trunc(Number(request.query.get("after") ?? 0)) || 0);
  const pieces = await knowledge.pieces(document, after, request);
  return { document, pieces: pieces.map((piece) => ({ id: piece.id, text: piece.text })) };
}

async function remove(knowledge: Knowledge, request: AdminRequest): Promise<KnowledgeDocument> {
  const { id = "" } = request.params;
  const document = await knowledge.remove(request.principal.spaceId, id, request);
  if (document === undefined) throw unknown(id);
  return document;
}

function unknown(id: string): TroupeError {
  return new TroupeError(
    `There is no document ${safeText(id.slice(0, 100))}. ./troupe knowledge list names them.`,
    {
      code: "request.not_found",
    },
  );
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
