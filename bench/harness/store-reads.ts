/** Reading: histories and full-text search over many messages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Write } from "@troupe/contracts";
import type { OpenStores } from "../../server/src/store/index.ts";
import type { Figure, Target } from "../figure.ts";
import { cpuOfAsync, figure, openStore, options, percentile } from "./store-common.ts";

const PEERS = 200;
const HISTORY = 50;
const QUESTIONS = 400;
/** Of a full recall, by how much there is to look through. Source: design §9. */
const RECALL_P95_MS: readonly (readonly [most: number, ms: number])[] = [
  [10_000, 10],
  [100_000, 25],
];

interface Filled extends AsyncDisposable {
  readonly store: OpenStores;
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
        maxMessages: HISTORY,
        maxBytes: 1e6,
      },
      options,
    );
  const most = Math.min(HISTORY, Math.floor(messages / PEERS));
  return await latencyFigures(`last ${HISTORY} of ${messages} messages`, ask, {
    finds: (found) => found === most,
    cpu: { atMost: 0.5 },
  });
}

export async function searchFigures(sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    await using made = await filled(size, (n) =>
      Array.from({ length: 12 }, (_, i) => word(n * 13 + i * 31)).join(" "),
    );
    const { stores } = made.store;
    let indexed = 0;
    const indexCpu = await cpuOfAsync(async () => {
      for (let count = -1; count !== 0; indexed += count) count = await stores.search.indexNew(500, options);
    });
    if (indexed !== size) throw new Error(`Of ${size} messages ${indexed} were indexed.`);
    figures.push(figure(`indexing, each of ${size} messages, CPU`, indexCpu / size, "µs"));
    const question = (i: number) => ({
      spaceId: "default",
      agentId: "ana",
      readers: [`peer-${i % PEERS}`],
      words: [1, 2, 3, 4, 5].map((k) => word(i * 17 + k * 29)),
      limit: 8,
    });
    const ask = (i: number) => stores.search.search(question(i), options);
    // A prompt shows all that these peers know: each has one session.
    const askInVain = (i: number) =>
      stores.search.search(
        { ...question(i), except: { sessionId: `peer-${i % PEERS}`, fromTurnSeq: 1 } },
        options,
      );
    const p95Ms = RECALL_P95_MS.find(([most]) => size <= most)?.[1];
    figures.push(
      ...(await latencyFigures(`search, 5 words, ${size} messages`, ask, {
        finds: (found) => found > 0,
        ...(p95Ms === undefined ? {} : { p95: { atMost: p95Ms } }),
      })),
      ...(await latencyFigures(`search with nothing else to find, ${size} messages`, askInVain, {
        finds: (found) => found === 0,
      })),
    );
  }
  return figures;
}

/** `finds`: how many rows an answer must have on average; one that finds too little is quick and says nothing. */
async function latencyFigures(
  metric: string,
  ask: (i: number) => Promise<readonly unknown[]>,
  expected: {
    readonly finds: (foundOnAverage: number) => boolean;
    readonly cpu?: Target;
    readonly p95?: Target;
  },
): Promise<Figure[]> {
  for (let i = 0; i < 50; i++) await ask(i);
  const times: number[] = [];
  let found = 0;
  const cpu = await cpuOfAsync(async () => {
    for (let i = 0; i < QUESTIONS; i++) {
      const start = performance.now();
      found += (await ask(i)).length;
      times.push(performance.now() - start);
    }
  });
  if (!expected.finds(found / QUESTIONS)) {
    throw new Error(
      `${metric}: ${found / QUESTIONS} rows were found on average, which is not what was asked for.`,
    );
  }
  return [
    figure(`${metric}, CPU`, cpu / QUESTIONS / 1000, "ms", expected.cpu),
    figure(`${metric}, p50`, percentile(times, 0.5), "ms"),
    figure(`${metric}, p95`, percentile(times, 0.95), "ms", expected.p95),
  ];
}

/** Word of a Zipf-like vocabulary of 30,000. */
function word(seed: number): string {
  const mixed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) >>> 0;
  return `w${Math.floor(30_000 ** (mixed / 2 ** 32))}`;
}
