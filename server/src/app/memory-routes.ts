import {
  type Clock,
  type Dream,
  type IdGenerator,
  type Logger,
  MEMORY_KINDS,
  type MemoryCount,
  type MemoryKind,
  type MemoryQuery,
  type MemoryRecord,
  type Message,
  type MessageBus,
  type Stores,
  TroupeError,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { plainText, ringFor } from "../kit/index.ts";
import { auditMemories, eraseMemory, type MemoryAudit, undoMemory } from "../memory/index.ts";
import type { WorkspaceEraser } from "./compose-workspaces.ts";
import { pageIn } from "./page-query.ts";

const PAGE = 200;
/** Records that a search reads over, newest first. */
const MAX_READ = 20_000;
const DEFAULT_LIMIT = 20;
const SHOWN_DREAMS = 14;

interface MemoryParts {
  readonly stores: Pick<Stores, "unit" | "memories" | "sessions" | "vectors" | "dreams">;
  /** `provider/model` whose vectors are in use. */
  readonly vectorModel: () => string | undefined;
  readonly bus: Pick<MessageBus, "publish">;
  readonly workspaceEraser: Pick<WorkspaceEraser, "eraseHeld">;
  readonly ids: IdGenerator;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FoundMemories {
  readonly items: readonly MemoryRecord[];
  /** There are more, or older ones that were not looked at. */
  readonly isMore: boolean;
}

/** A record and how it is known. */
export interface ExplainedMemory {
  readonly memory: MemoryRecord;
  /** The messages and records that it rests on, as they are kept by now. */
  readonly messages: readonly Message[];
  readonly memories: readonly MemoryRecord[];
  /** What it took the place of. */
  readonly replaced: readonly MemoryRecord[];
}

export interface MemoryStats {
  readonly open: number;
  readonly closed: number;
  readonly counts: readonly MemoryCount[];
  /** Vectors of messages and memories, by the model that made them; only those of the one in use are asked. */
  readonly vectors: readonly {
    readonly model: string;
    readonly dimensions: number;
    readonly count: number;
    readonly isUsed: boolean;
  }[];
  /** What the last nights did, the latest first. */
  readonly dreams: readonly Dream[];
}

export interface ChangedMemory {
  readonly closed: readonly string[];
  readonly reopened: readonly string[];
  readonly erased: readonly string[];
}

/** Looking at what agents keep in mind, and taking things back. The operator's alone, who sees what anybody knows. */
export function memoryRoutes(parts: MemoryParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/memory/stats", handle: (request) => stats(parts, request) },
    { method: "GET", path: "/admin/memory/audit", handle: (request) => audit(parts, request) },
    { method: "GET", path: "/admin/memories", handle: (request) => search(parts, request) },
    { method: "GET", path: "/admin/memories/:id", handle: (request) => explain(parts, request) },
    { method: "POST", path: "/admin/memories/:id/forget", handle: (request) => forget(parts, request) },
    { method: "POST", path: "/admin/memories/:id/undo", handle: (request) => undo(parts, request) },
  ];
}

async function search({ stores }: MemoryParts, request: AdminRequest): Promise<FoundMemories> {
  const { query, principal } = request;
  const { limit = DEFAULT_LIMIT } = pageIn(query);
  const words = plainText(query.get("words") ?? "")
    .split(" ")
    .filter((word) => word !== "");
  const items: MemoryRecord[] = [];
  for await (const record of recordsOf(stores, filterOf(principal.spaceId, query), request)) {
    const text = plainText(record.text);
    if (!words.every((word) => text.includes(word))) continue;
    if (items.length === limit) return { items, isMore: true };
    items.push(record);
  }
  return { items, isMore: false };
}

function filterOf(spaceId: string, query: URLSearchParams): MemoryQuery {
  const [agentId, kind, reader] = ["agent", "kind", "reader"].map((name) => query.get(name) ?? undefined);
  if (kind !== undefined && !MEMORY_KINDS.includes(kind as MemoryKind)) {
    throw new TroupeError(`There is no kind "${kind}". Kinds: ${MEMORY_KINDS.join(", ")}.`, {
      code: "request.invalid",
    });
  }
  return {
    spaceId,
    readers: reader === undefined ? undefined : [reader],
    state: query.get("closed") === "true" ? "all" : "open",
    ...(agentId === undefined ? {} : { agentId }),
    ...(kind === undefined ? {} : { kinds: [kind as MemoryKind] }),
  };
}

/** Newest first, up to a bound. */
async function* recordsOf(
  { memories }: Pick<Stores, "memories">,
  query: MemoryQuery,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<MemoryRecord> {
  let cursor: string | undefined;
  for (let read = 0; read < MAX_READ; read += PAGE) {
    const page = await memories.list(
      { ...query, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
      options,
    );
    yield* page.items;
    if (page.next === undefined) return;
    cursor = page.next;
  }
}

async function get({ stores }: MemoryParts, request: AdminRequest): Promise<MemoryRecord> {
  const { id = "" } = request.params;
  const { spaceId } = request.principal;
  const query = { spaceId, readers: undefined, ids: [id], includeClosed: true };
  const [memory] = await stores.memories.find(query, request);
  if (memory !== undefined) return memory;
  throw new TroupeError(`There is no memory ${id}. ./troupe memory search lists them.`, {
    code: "request.not_found",
  });
}

async function explain(parts: MemoryParts, request: AdminRequest): Promise<ExplainedMemory> {
  const { sessions, memories } = parts.stores;
  const memory = await get(parts, request);
  const { spaceId, id, sources, audience: readers } = memory;
  const references = sources.filter((one) => one.kind === "message");
  const ids = sources.flatMap((one) => (one.kind === "memory" ? [one.id] : []));
  const [messages, rested, replaced] = await Promise.all([
    sessions.find({ spaceId, readers, references }, request),
    memories.find({ spaceId, readers: undefined, ids, includeClosed: true }, request),
    memories.replacedBy({ spaceId, id }, request),
  ]);
  return { memory, messages, memories: rested, replaced };
}

async function forget(parts: MemoryParts, request: AdminRequest): Promise<ChangedMemory> {
  const { stores, clock, logger } = parts;
  const memory = await get(parts, request);
  const { id, spaceId, closed } = memory;
  const body = (await request.json()) as { readonly erase?: unknown } | undefined;
  const isErased = body?.erase === true;
  if (closed !== undefined && !isErased) {
    throw new TroupeError(
      `The memory ${id} is closed already (${closed.reason}). With --erase it is deleted for good.`,
      {
        code: "request.conflict",
      },
    );
  }
  const { memories, unit } = stores;
  const closing = { spaceId, id, at: clock.now(), reason: "forgotten", mustBeOpen: true } as const;
  const { erased, reopened, writes } = isErased
    ? await eraseMemory(memories, memory, request)
    : { erased: [], reopened: [], writes: [memories.close(closing)] };
  // First what stands outside of the store: where this fails, the operator asks again and finds the memory there.
  if (isErased) await parts.workspaceEraser.eraseHeld({ agentId: memory.agentId, ids: erased }, request);
  await unit.commit(writes, request);
  ringFor(parts, writes);
  logger.info("memory.forgotten", { memoryId: id, erased: isErased, by: request.principal.id });
  return { closed: isErased ? [] : [id], reopened, erased };
}

async function undo(parts: MemoryParts, request: AdminRequest): Promise<ChangedMemory> {
  const { stores, clock, logger } = parts;
  const memory = await get(parts, request);
  const at = clock.now();
  const { writes, closed, reopened } = await undoMemory(stores.memories, memory, at, request);
  // What a person brings back is asked for again: no night takes it out at once.
  const use = stores.memories.use({ spaceId: memory.spaceId, ids: reopened, at });
  await stores.unit.commit([...writes, use], request);
  ringFor(parts, writes);
  logger.info("memory.undone", { memoryId: memory.id, by: request.principal.id });
  return { closed, reopened, erased: [] };
}

async function stats(
  { stores, vectorModel }: MemoryParts,
  { principal, query, signal }: AdminRequest,
): Promise<MemoryStats> {
  const agentId = query.get("agent") ?? undefined;
  const of = { spaceId: principal.spaceId, ...(agentId === undefined ? {} : { agentId }) };
  const [counts, dreams] = await Promise.all([
    stores.memories.counts(of, { signal }),
    stores.dreams.list({ ...of, limit: SHOWN_DREAMS }, { signal }),
  ]);
  const sum = (name: "open" | "closed"): number => counts.reduce((all, count) => all + count[name], 0);
  const vectors = (await stores.vectors.counts(principal.spaceId, { signal })).map((one) => ({
    ...one,
    isUsed: one.model === vectorModel(),
  }));
  return { open: sum("open"), closed: sum("closed"), counts, vectors, dreams };
}

async function audit({ stores, clock }: MemoryParts, request: AdminRequest): Promise<MemoryAudit> {
  const filter = { ...filterOf(request.principal.spaceId, request.query), state: "all" } as const;
  const records = await Array.fromAsync(recordsOf(stores, filter, request));
  const open = records.filter(({ closed }) => closed === undefined);
  const found = auditMemories(
    open,
    records.filter(({ closed }) => closed !== undefined),
    clock.now(),
  );
  return { ...found, breaches: [...found.breaches, ...(await messageBreaches(stores, open, request))] };
}

/** Records whose message is there and not for everyone who is told the record. */
async function messageBreaches(
  { sessions }: Pick<Stores, "sessions">,
  open: readonly MemoryRecord[],
  options: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const breaches: string[] = [];
  for (const { id, spaceId, audience: readers, sources } of open) {
    const references = sources.filter((one) => one.kind === "message");
    if (references.length === 0) continue;
    const known = await sessions.find({ spaceId, readers, references }, options);
    for (const missing of references.filter((one) => !known.some((message) => message.id === one.id))) {
      if (await isKept(sessions, missing, options)) breaches.push(id);
    }
  }
  return [...new Set(breaches)];
}

/** Whether the message is there at all, whoever knows it. */
async function isKept(
  sessions: Stores["sessions"],
  { id, sessionId, turnSeq }: { readonly id: string; readonly sessionId: string; readonly turnSeq: number },
  options: { readonly signal: AbortSignal },
): Promise<boolean> {
  const cursor = String(Math.max(turnSeq - 1, 0));
  const { items } = await sessions.messages({ sessionId, cursor, limit: PAGE }, options);
  return items.some((message) => message.id === id);
}
