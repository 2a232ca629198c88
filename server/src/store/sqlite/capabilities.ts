import type { Capabilities } from "../migrations/types.ts";

export const sqliteCapabilities: Capabilities = {
  id: "TEXT CHECK (length(id) <= 64)",
  text: "TEXT",
  int: "INTEGER",
  bytes: "BLOB",
  row: "row INTEGER PRIMARY KEY",
  table: " STRICT, WITHOUT ROWID",
  rows: " STRICT",
  utcDay: (column) => `strftime('%Y-%m-%d', ${column} / 1000, 'unixepoch')`,
  words: [
    // Terms arrive normalised and scoped (words.ts), so the tokenizer only splits at spaces; nothing is ranked by SQLite,
    // so positions are not kept. The row numbers are those of messages and memories.
    `CREATE VIRTUAL TABLE message_terms USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
    `CREATE VIRTUAL TABLE memory_terms USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')`,
    // Each commit adds a segment, and a lookup asks every segment. Left alone, FTS5 lets sixteen gather and then merges a
    // whole level at once; indexing merges a little each time instead, so lookups stay short and no commit waits for long.
    `INSERT INTO message_terms (message_terms, rank) VALUES ('automerge', 0), ('usermerge', 3)`,
    `INSERT INTO memory_terms (memory_terms, rank) VALUES ('automerge', 0), ('usermerge', 3)`,
  ],
};
