/** Reading: histories and full-text search over many messages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Write } from "@troupe/contracts";
import type { SqliteStores } from "../../server/src/store/index.ts";
import type { Figure, Target } from "../figure.ts";
import { cpuOfAsync, figure, openStore, options, percentile } from "./store-common.ts";

const PEERS = 200;

interface Filled extends AsyncDisposable {
  readonly store: SqliteStores;
}

/** Zipf-like words over sessions of 200 peers, on disk. */
async function filled(messages: number, text: (n: number) => string): Promise<Filled> {
  const directory = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  const store = await openStore(join(directory, "filled.db"), "threads");
  const { stores } = store;
  for (let n = 0; n < messages; ) {
    const writes: Write<unknown>[] = [];
    for (const end = Math.min(n + 1000, messages); n < end; n++) {
      const peer = `peer-${n % PEERS}`;
      writes.push(
        stores.sessions.touch({
          id: peer,
          spaceId: "default",
          agentId: "ana",
          channel: "api",
          key: peer,
          peerId: peer,
          ownerId: "key",
          audience: [peer],
          stateless: false,
          at: n,
          count: 1,
        }),
        stores.sessions.append({
          id: `m-${n}`,
          spaceId: "default",
          sessionId: peer,
          turnId: `t-${n}`,
          turnSeq: "same",
          role: "user",
          parts: [{ type: "text", text: text(n) }],
          audience: [peer],
          outcome: "ok",
          createdAt: n,
          fromLast: 0,
        }),
      );
    }
    await stores.unit.commit(writes, options);
  }
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

export async function historyFigures(messages: number): Promise<Figure[]> {
  await using made = await filled(
    messages,
    (n) => `message ${n} about ${word(n)} and ${word(n * 7)} and the weather of that day`,
  );
  const { stores } = made.store;
  const ask = (i: number) =>
    stores.sessions.history(
      {
        sessionId: `peer-${i % PEERS}`,
        beforeTurnSeq: Number.MAX_SAFE_INTEGER,
        maxMessages: 50,
        maxBytes: 1e6,
      },
      options,
    );
  return await latencyFigures(`last 50 of ${messages} messages`, ask, { atMost: 0.5 });
}

export async function searchFigures(sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    await using made = await filled(size, (n) =>
      Array.from({ length: 12 }, (_, i) => word(n * 13 + i * 31)).join(" "),
    );
    const { stores } = made.store;
    const indexCpu = await cpuOfAsync(async () => {
      while ((await stores.search.indexNew(500, options)) > 0);
    });
    figures.push(figure(`indexing, each of ${size} messages, CPU`, indexCpu / size, "µs"));
    const ask = (i: number) =>
      stores.search.search(
        {
          spaceId: "default",
          agentId: "ana",
          readers: [`peer-${i % PEERS}`],
          words: [1, 2, 3, 4, 5].map((k) => word(i * 17 + k * 29)),
          limit: 8,
        },
        options,
      );
    figures.push(...(await latencyFigures(`search, 5 words, ${size} messages`, ask)));
  }
  return figures;
}

async function latencyFigures(
  metric: string,
  ask: (i: number) => Promise<unknown>,
  target?: Target,
): Promise<Figure[]> {
  for (let i = 0; i < 50; i++) await ask(i);
  const times: number[] = [];
  const cpu = await cpuOfAsync(async () => {
    for (let i = 0; i < 400; i++) {
      const start = performance.now();
      await ask(i);
      times.push(performance.now() - start);
    }
  });
  return [
    figure(`${metric}, CPU`, cpu / 400 / 1000, "ms", target),
    figure(`${metric}, p50`, percentile(times, 0.5), "ms"),
    figure(`${metric}, p95`, percentile(times, 0.95), "ms"),
  ];
}

/** Word of a Zipf-like vocabulary of 30,000. */
function word(seed: number): string {
  const mixed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) >>> 0;
  return `w${Math.floor(30_000 ** (mixed / 2 ** 32))}`;
}
