import type { DocumentStore, KnowledgeDocument } from "@troupe/contracts";
import { sql } from "kysely";
import type { DocumentTable } from "../document-table.ts";
import { type Row, write } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { badCursor, namesText, type PortDeps, pageLimit, pageOf, parseAudience } from "./kit.ts";

const COLUMNS = [
  "id",
  "space_id",
  "agent_id",
  "audience",
  "source",
  "title",
  "media_type",
  "content_hash",
  "size_bytes",
  "chunk_count",
  "revision",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof DocumentTable)[];

const CHUNK_PAGE = 200;

export function createDocumentStore(deps: PortDeps): DocumentStore {
  const { reads } = deps;
  const writes = documentWrites(deps);
  const selects = documentSelects(deps);
  return {
    put: (document, chunkIds) => {
      const chunks = JSON.stringify(chunkIds.map((id, at) => ({ n: at + 1, id })));
      return write(writes.put, { ...document, audience: namesText(document.audience) }, [
        write(writes.removeChunks, { id: document.id }),
        write(writes.addChunks, { id: document.id, chunks }),
      ]);
    },
    remove: ({ spaceId, id, revision }) =>
      write(writes.remove, { spaceId, id, revision }, [write(writes.removeChunks, { id })]),
    async get(spaceId, id, options) {
      const row = await reads.row(selects.get, { spaceId, id }, options);
      return row === undefined ? undefined : documentOf(row);
    },
    async withContent(query, options) {
      return (await reads.rows(selects.withContent, query, options)).map(documentOf);
    },
    async chunkIds({ spaceId, id, after = 0 }, options) {
      const rows = await reads.rows(selects.chunkIds, { spaceId, id, after, limit: CHUNK_PAGE }, options);
      return rows.map(([memoryId]) => String(memoryId));
    },
    async list({ spaceId, agentId, ...page }, options) {
      const limit = pageLimit(page);
      const [at, id] = cursorOf(page.cursor);
      const input = { spaceId, agentId, at, id, limit: limit + 1 };
      const rows = await reads.rows(agentId === undefined ? selects.list : selects.listOf, input, options);
      return pageOf(rows, limit, documentOf, (row) => {
        const last = documentOf(row);
        return `${last.updatedAt}.${last.id}`;
      });
    },
  };
}

type PutInput = Omit<KnowledgeDocument, "audience"> & { readonly audience: string };

function documentWrites({ statements, dialect }: PortDeps) {
  return {
    put: statements.add<PutInput>(
      "document.put",
      { guard: "store.conflict" },
      (_db, p) => sql`
      INSERT INTO documents (id, space_id, agent_id, audience, source, title, media_type, content_hash, size_bytes, chunk_count, revision, created_at, updated_at)
      SELECT CAST(${p.id} AS TEXT), CAST(${p.spaceId} AS TEXT), CAST(${p.agentId} AS TEXT), CAST(${p.audience} AS TEXT), CAST(${p.source} AS TEXT),
        CAST(${p.title} AS TEXT), CAST(${p.mediaType} AS TEXT), CAST(${p.contentHash} AS TEXT), CAST(${p.sizeBytes} AS BIGINT),
        CAST(${p.chunkCount} AS BIGINT), CAST(${p.revision} AS BIGINT), CAST(${p.addedAt} AS BIGINT), CAST(${p.updatedAt} AS BIGINT)
      WHERE CAST(${p.revision} AS BIGINT) = 1 OR EXISTS (SELECT 1 FROM documents d WHERE d.id = ${p.id})
      ON CONFLICT (id) DO UPDATE SET audience = excluded.audience, title = excluded.title, media_type = excluded.media_type,
        content_hash = excluded.content_hash, size_bytes = excluded.size_bytes, chunk_count = excluded.chunk_count,
        revision = excluded.revision, updated_at = excluded.updated_at
      WHERE documents.space_id = excluded.space_id AND documents.revision = excluded.revision - 1`,
    ),
    addChunks: statements.add<{ id: string; chunks: string }>(
      "document.add-chunks",
      {},
      (_db, p) => sql`
      INSERT INTO document_chunks (document_id, n, memory_id)
      SELECT CAST(${p.id} AS TEXT), CAST(chunk.value ->> 'n' AS BIGINT), chunk.value ->> 'id'
      FROM ${dialect.objects(p.chunks, "chunk")}`,
    ),
    removeChunks: statements.add<{ id: string }>("document.remove-chunks", {}, (db, p) =>
      db.deleteFrom("document_chunks").where("document_id", "=", p.id),
    ),
    remove: statements.add<{ spaceId: string; id: string; revision: number }>(
      "document.remove",
      { guard: "store.conflict" },
      (db, p) =>
        db
          .deleteFrom("documents")
          .where("id", "=", p.id)
          .where("space_id", "=", p.spaceId)
          .where("revision", "=", p.revision),
    ),
  };
}

interface ListInput {
  readonly spaceId: string;
  readonly agentId: string | undefined;
  readonly at: number | undefined;
  readonly id: string | undefined;
  readonly limit: number;
}

function documentSelects({ statements }: PortDeps) {
  const list = (name: string, isOfAgent: boolean) =>
    statements.add<ListInput>(name, { returns: "rows" }, (db, p) => {
      const all = db.selectFrom("documents").select(COLUMNS).where("space_id", "=", p.spaceId);
      return (isOfAgent ? all.where(sql<boolean>`agent_id = ${p.agentId}`) : all)
        .where(sql<boolean>`(CAST(${p.at} AS BIGINT) IS NULL OR (updated_at, id) < (${p.at}, ${p.id}))`)
        .orderBy("updated_at", "desc")
        .orderBy("id", "desc")
        .limit(p.limit);
    });
  return {
    get: statements.add<{ spaceId: string; id: string }>("document.get", { returns: "row" }, (db, p) =>
      db.selectFrom("documents").select(COLUMNS).where("id", "=", p.id).where("space_id", "=", p.spaceId),
    ),
    withContent: statements.add<{ spaceId: string; agentId: string; contentHash: string }>(
      "document.with-content",
      { returns: "rows" },
      (db, p) =>
        db
          .selectFrom("documents")
          .select(COLUMNS)
          .where("content_hash", "=", p.contentHash)
          .where("agent_id", "=", p.agentId)
          .where("space_id", "=", p.spaceId)
          .orderBy("updated_at", "desc"),
    ),
    chunkIds: statements.add<{ spaceId: string; id: string; after: number; limit: number }>(
      "document.chunk-ids",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT c.memory_id FROM document_chunks c JOIN documents d ON d.id = c.document_id
      WHERE c.document_id = ${p.id} AND d.space_id = ${p.spaceId} AND c.n > ${p.after} ORDER BY c.n LIMIT ${p.limit}`,
    ),
    list: list("document.list", false),
    listOf: list("document.list-of", true),
  };
}

/** `updatedAt.id` of the last one of the page before. */
function cursorOf(cursor: string | undefined): [number | undefined, string | undefined] {
  if (cursor === undefined) return [undefined, undefined];
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, dot));
  if (dot < 1 || !Number.isSafeInteger(at)) throw badCursor(cursor);
  return [at, cursor.slice(dot + 1)];
}

function documentOf(row: Row): KnowledgeDocument {
  const [id, spaceId, agentId, audience, source, title, mediaType, contentHash, ...numbers] =
    row as unknown as TupleOf<DocumentTable, typeof COLUMNS>;
  const [sizeBytes, chunkCount, revision, addedAt, updatedAt] = numbers;
  return {
    ...{ id, spaceId, agentId, source, title, mediaType, contentHash },
    audience: parseAudience(audience),
    ...{ sizeBytes, chunkCount, revision, addedAt, updatedAt },
  };
}
