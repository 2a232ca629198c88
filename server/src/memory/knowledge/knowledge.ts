import { createHash } from "node:crypto";
import {
  type Audience,
  type CallOptions,
  type Clock,
  type DocumentStore,
  type KnowledgeDocument,
  type Logger,
  type MemoryStore,
  type NewMemory,
  TroupeError,
  type UnitOfWork,
  type Write,
} from "@troupe/contracts";
import { derivedId, type Metrics } from "../../kit/index.ts";
import { citationOf } from "./chunk.ts";
import type { RawDocument, ReadDocument } from "./read-document.ts";

/** Somebody else may change the same document meanwhile. */
const TRIES = 3;

export interface KnowledgeDeps {
  readonly documents: DocumentStore;
  readonly memories: Pick<MemoryStore, "put" | "erase" | "find">;
  readonly unit: Pick<UnitOfWork, "commit">;
  /** Takes a document apart. */
  readonly read: (raw: RawDocument, options: CallOptions) => Promise<ReadDocument>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A document as it is given. */
export interface GivenDocument extends RawDocument {
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: Audience;
  /** Path or address; the same one again is the same document. */
  readonly source: string;
}

/** What became of it. `known`: the agent has these very bytes for the same people already, perhaps from elsewhere. */
export interface KeptDocument {
  readonly kind: "new" | "changed" | "known";
  readonly document: KnowledgeDocument;
  /** Pieces that were not there before, and those that are there no longer. */
  readonly added: number;
  readonly removed: number;
}

export interface Knowledge {
  /**
   * Gives an agent a document, or its next revision. Pieces that did not change stay as they are, with their vectors; all
   * others go and come in one commit. Rejects with `request.invalid` for what cannot be read, and `store.conflict` where
   * others change the same document without end.
   */
  add(given: GivenDocument, options: CallOptions): Promise<KeptDocument>;
  /** Takes a document back; none of it is recalled from then on, and nothing of it is kept. Undefined: there is none. */
  remove(spaceId: string, id: string, options: CallOptions): Promise<KnowledgeDocument | undefined>;
  /** Its pieces in order, at most 200 after the first `after`. */
  pieces(
    document: Pick<KnowledgeDocument, "spaceId" | "id">,
    after: number,
    options: CallOptions,
  ): Promise<readonly { readonly id: string; readonly text: string }[]>;
}

export function createKnowledge(deps: KnowledgeDeps): Knowledge {
  const { documents, memories, unit, logger, metrics } = deps;
  const kept = metrics.counter("knowledge_documents_total", "Documents given to agents and taken back");

  return {
    async add(given, options) {
      const outcome = await again(() => addOnce(deps, given, options));
      const { kind, document, added, removed } = outcome;
      kept.add(1, { what: kind });
      logger.info("knowledge.added", { documentId: document.id, kind, added, removed });
      return outcome;
    },
    remove: (spaceId, id, options) =>
      again(async () => {
        const document = await documents.get(spaceId, id, options);
        if (document === undefined) return undefined;
        const gone = await chunkIdsOf(documents, document, options);
        const writes = gone.map((chunk) => memories.erase(spaceId, chunk));
        await unit.commit([documents.remove(document), ...writes], options);
        kept.add(1, { what: "removed" });
        logger.info("knowledge.removed", { documentId: id, removed: gone.length });
        return document;
      }),
    async pieces({ spaceId, id }, after, options) {
      const ids = await documents.chunkIds({ spaceId, id, after }, options);
      const found = await memories.find({ spaceId, readers: undefined, ids }, options);
      return ids.flatMap((one) => found.filter((memory) => memory.id === one));
    },
  };
}

async function again<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await run();
    } catch (error) {
      if (left === 0 || !TroupeError.is(error, "store.conflict")) throw error;
    }
  }
}

async function addOnce(
  deps: KnowledgeDeps,
  given: GivenDocument,
  options: CallOptions,
): Promise<KeptDocument> {
  const { documents, memories, unit, clock } = deps;
  const { spaceId, agentId, source, mediaType, bytes } = given;
  const audience = [...new Set(given.audience)].toSorted();
  const id = derivedId("document", spaceId, agentId, source);
  const contentHash = createHash("sha256").update(bytes).digest("hex");
  const before = await documents.get(spaceId, id, options);
  const same = await sameOf(deps, { ...given, audience }, { contentHash, before }, options);
  if (same !== undefined) return { kind: "known", document: same, added: 0, removed: 0 };

  const { title, chunks } = await deps.read(given, options);
  const now = clock.now();
  const document: KnowledgeDocument = {
    ...{ id, spaceId, agentId, audience, source, title, mediaType, contentHash },
    ...{ sizeBytes: bytes.length, chunkCount: chunks.length, revision: (before?.revision ?? 0) + 1 },
    ...{ addedAt: before?.addedAt ?? now, updatedAt: now },
  };
  const pieces = memoriesOf(document, chunks);
  const old = before === undefined ? [] : await chunkIdsOf(documents, before, options);
  const ids = pieces.map((piece) => piece.id);
  const [wanted, there] = [new Set(ids), new Set(old)];
  const gone = old.filter((one) => !wanted.has(one));
  const fresh = pieces.filter((piece) => !there.has(piece.id));
  const writes: readonly Write<unknown>[] = [
    documents.put(document, ids),
    ...gone.map((one) => memories.erase(spaceId, one)),
    ...fresh.map((piece) => memories.put(piece)),
  ];
  await unit.commit(writes, options);
  const kind = before === undefined ? "new" : "changed";
  return { kind, document, added: fresh.length, removed: gone.length };
}

/** The document, where it is as it is given already; or another one of the agent with the same bytes for the same people. */
async function sameOf(
  { documents }: KnowledgeDeps,
  { spaceId, agentId, audience, title }: GivenDocument,
  { contentHash, before }: { readonly contentHash: string; readonly before: KnowledgeDocument | undefined },
  options: CallOptions,
): Promise<KnowledgeDocument | undefined> {
  const isSame = (one: KnowledgeDocument): boolean =>
    one.contentHash === contentHash &&
    JSON.stringify(one.audience) === JSON.stringify(audience) &&
    (title === undefined || one.title === title);
  if (before !== undefined) return isSame(before) ? before : undefined;
  return (await documents.withContent({ spaceId, agentId, contentHash }, options)).find(isSame);
}

/** A piece that says the same in the same place to the same people is the same memory, in whatever revision. */
function memoriesOf(document: KnowledgeDocument, chunks: ReadDocument["chunks"]): readonly NewMemory[] {
  const { id: documentId, spaceId, agentId, audience, title, updatedAt } = document;
  const repeats = new Map<string, number>();
  return chunks.map(({ place, text: words }) => {
    const text = `${citationOf(title, place)}\n${words}`;
    const repeat = (repeats.get(text) ?? 0) + 1;
    repeats.set(text, repeat);
    return {
      ...{
        id: derivedId("chunk", documentId, JSON.stringify(audience), text, String(repeat)),
        spaceId,
        agentId,
      },
      ...{ audience, text, turnId: documentId, recordedAt: updatedAt, kind: "document" },
      attributes: { document: documentId },
    };
  });
}

async function chunkIdsOf(
  documents: Pick<DocumentStore, "chunkIds">,
  { spaceId, id }: KnowledgeDocument,
  options: CallOptions,
): Promise<readonly string[]> {
  const all: string[] = [];
  for (;;) {
    const some = await documents.chunkIds({ spaceId, id, after: all.length }, options);
    all.push(...some);
    if (some.length === 0) return all;
  }
}
