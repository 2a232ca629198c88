import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ModelMessage } from "ai";
import { createAiTurns } from "./ai-turn.ts";

export interface SqliteTurns {
  turn(conversation: string, text: string, onText: (text: string) => void): Promise<string>;
}

/** The AI SDK with its history in SQLite, as one writes it by hand: WAL, no wait for the disk, read anew each turn. */
export function createSqliteTurns(baseUrl: string, dataFolder: string): SqliteTurns {
  const database = new DatabaseSync(join(dataFolder, "chat.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  database.exec(
    "CREATE TABLE message (id INTEGER PRIMARY KEY, conversation TEXT NOT NULL, body TEXT NOT NULL)",
  );
  database.exec("CREATE INDEX message_of ON message (conversation, id)");
  const insert = database.prepare("INSERT INTO message (conversation, body) VALUES (?, ?)");
  const select = database.prepare("SELECT body FROM message WHERE conversation = ? ORDER BY id");
  const turns = createAiTurns(baseUrl);
  return {
    async turn(conversation, text, onText) {
      insert.run(conversation, JSON.stringify({ role: "user", content: text }));
      const history = select.all(conversation).map((row) => JSON.parse(String(row.body)) as ModelMessage);
      const result = await turns.run(history, onText);
      database.exec("BEGIN");
      for (const message of result.added) insert.run(conversation, JSON.stringify(message));
      database.exec("COMMIT");
      return result.text;
    },
  };
}
