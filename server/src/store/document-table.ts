export interface DocumentTables {
  documents: DocumentTable;
  document_chunks: DocumentChunkTable;
}

export const DOCUMENT_TABLE_NAMES: readonly (keyof DocumentTables)[] = ["documents", "document_chunks"];

export interface DocumentTable {
  id: string;
  space_id: string;
  agent_id: string;
  audience: string;
  source: string;
  title: string;
  media_type: string;
  content_hash: string;
  size_bytes: number;
  chunk_count: number;
  revision: number;
  created_at: number;
  updated_at: number;
}

/** A piece of a document, which is a memory. */
export interface DocumentChunkTable {
  document_id: string;
  /** From 1, in order. */
  n: number;
  memory_id: string;
}
