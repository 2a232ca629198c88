import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createIdGenerator, createMetrics } from "../../kit/index.ts";
import { type InlineStores, openInlineStores } from "./open.ts";

const options = { signal: new AbortController().signal };
const WHO = { spaceId: "default", agentId: "ana", audience: ["kate"] } as const;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-indexing-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(): InlineStores {
  const clock = createManualClock();
  return openInlineStores({
    path: join(folder, "troupe.db"),
    ...{ clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() },
  });
}

async function idsOf({ stores }: InlineStores, word: string): Promise<readonly string[]> {
  const { spaceId, agentId, audience: readers } = WHO;
  const query = { spaceId, agentId, readers, words: [word], limit: 10 };
  return (await stores.search.search(query, options)).map(({ id }) => id);
}

it("makes the index anew that was made of words as an older version made them", async () => {
  const before = open();
  const { memories, sessions, search } = before.stores;
  const memory = { ...WHO, turnId: "t", recordedAt: 1 };
  const session = {
    ...WHO,
    id: "s",
    channel: "api",
    key: "s",
    peerId: "kate",
    ownerId: "k",
    stateless: false,
    at: 1,
  };
  const said = { ...WHO, sessionId: "s", turnId: "t", turnSeq: "same", role: "user", outcome: "ok" } as const;
  before.applySync([
    memories.put({ ...memory, id: "kept", text: "adopted a parrot" }),
    memories.put({ ...memory, id: "forgotten", text: "adopted a snake" }),
    memories.erase(WHO.spaceId, "forgotten"),
    sessions.touch({ ...session, count: 1 }),
    sessions.append({
      ...said,
      id: "m",
      parts: [{ type: "text", text: "adopted two" }],
      createdAt: 1,
      fromLast: 0,
    }),
  ]);
  await search.indexNew(100, options);
  await before.close();
  using database = new DatabaseSync(join(folder, "troupe.db"));
  database.exec(`UPDATE search_cursor SET row = 1 WHERE name = 'words';
    INSERT OR REPLACE INTO search_cursor (name, row) VALUES ('renewal/messages', 1), ('renewal/memories', 1);
    INSERT INTO message_terms (message_terms) VALUES ('delete-all');
    INSERT OR REPLACE INTO memory_terms (rowid, terms) SELECT row, 'adopted' FROM memories`);

  const after = open();
  const old = await idsOf(after, "adopting");
  while ((await after.stores.search.indexNew(1, options)) === 1);

  expect(old).toEqual([]);
  expect((await idsOf(after, "adopting")).toSorted()).toEqual(["kept", "m"]);
  await after.close();
});
