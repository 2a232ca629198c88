import type { Migration } from "./types.ts";

/** What agents were given to read, and which memories are pieces of it. */
export const documents: Migration = {
  name: "0023-documents",
  expands: true,
  steps: ({ text, int, table }) => [
    `CREATE TABLE documents (
    id ${text} NOT NULL PRIMARY KEY, space_id ${text} NOT NULL, agent_id ${text} NOT NULL, audience ${text} NOT NULL,
    source ${text} NOT NULL, title ${text} NOT NULL, media_type ${text} NOT NULL, content_hash ${text} NOT NULL,
    size_bytes ${int} NOT NULL, chunk_count ${int} NOT NULL, revision ${int} NOT NULL, created_at ${int} NOT NULL, updated_at ${int} NOT NULL
  )${table}`,
    "CREATE INDEX documents_agent ON documents (space_id, agent_id, updated_at, id)",
    "CREATE INDEX documents_recent ON documents (space_id, updated_at, id)",
    "CREATE INDEX documents_content ON documents (content_hash)",
    `CREATE TABLE document_chunks (
    document_id ${text} NOT NULL, n ${int} NOT NULL, memory_id ${text} NOT NULL,
    PRIMARY KEY (document_id, n)
  )${table}`,
  ],
};
