/** The store: what the typed layer, the writer thread and the indexes cost beside the bare driver. */
import { closeSync, existsSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Stores, Write } from "@troupe/contracts";
import { createIdGenerator, createLogger, createMetrics, systemClock } from "../server/src/kit/index.ts";
import { openInlineStores } from "../server/src/store/index.ts";
import type { Figure } from "./figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { ratioOf } from "./harness/statistics.ts";
import { cpuOf, cpuOfAsync, figure, openStore, options, percentile } from "./harness/store-common.ts";
import { historyFigures, searchFigures } from "./harness/store-reads.ts";

export interface StoreBenchOptions extends Pick<BenchOptions, "scale"> {
  /** Messages for the history figure; the design asks for 1,000,000. Default 100,000 × scale. */
  readonly historyMessages?: number;
  /** Messages for the search figures; the design asks for 10,000 and 200,000. Default 10,000 and 50,000 × scale. */
  readonly searchMessages?: readonly number[];
}

/** Where a file costs no fsync, on Linux. */
const MEMORY_DISK = "/dev/shm";

/** Measures in a folder of its own, which is removed. Figures with a target say whether it holds. */
export async function run(settings: StoreBenchOptions): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  const { scale } = settings;
  const transactions = Math.ceil(2000 * scale);
  try {
    return [
      fsyncFigure(directory),
      ...(await ratioFigures(directory, transactions)),
      ...(await writerFigures(directory, transactions)),
      ...(await historyFigures(settings.historyMessages ?? Math.ceil(100_000 * scale))),
      ...(await searchFigures(settings.searchMessages ?? [10_000, Math.ceil(50_000 * scale)])),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function fsyncFigure(directory: string): Figure {
  const file = openSync(join(directory, "fsync"), "w");
  const block = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  return figure("fsync p50", percentile(times, 0.5), "ms");
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Once with what the disk costs, once in memory, where nothing but the layer is left to see. */
async function ratioFigures(directory: string, transactions: number): Promise<Figure[]> {
  const metric = "typed write transaction over raw driver";
  const onDisk = figure(`${metric}, CPU`, await ratioOn(directory, transactions), "ratio", { atMost: 1.7 });
  if (!existsSync(MEMORY_DISK)) return [onDisk];
  const memory = mkdtempSync(join(MEMORY_DISK, "troupe-bench-"));
  try {
    return [
      onDisk,
      figure(`${metric}, without fsync, CPU`, await ratioOn(memory, transactions), "ratio", { atMost: 1.7 }),
    ];
  } finally {
    rmSync(memory, { recursive: true });
  }
}

/** Session counter, message and model call: the same three statements, tables and indexes through the layer and bare. */
async function ratioOn(directory: string, transactions: number): Promise<number> {
  const clock = systemClock();
  const path = join(directory, "ratio.db");
  const typed = openInlineStores({
    path,
    clock,
    ids: createIdGenerator(clock),
    logger: createLogger({ level: "warn" }),
    metrics: createMetrics(),
  });
  const raw = new DatabaseSync(path);
  raw.exec(
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -8192",
  );
  const writeRaw = rawWriter(raw);
  const costs = { typed: [] as number[], raw: [] as number[] };
  const round = Math.ceil(transactions / 10);
  for (let i = -2; i < 10; i++) {
    const rawCost = cpuOf(() => repeat(round, (n) => writeRaw(`raw-${i}-${n}`, i * round + n)));
    const typedCost = cpuOf(() =>
      repeat(round, (n) => typed.applySync(threeWrites(typed.stores, `typed-${i}-${n}`))),
    );
    if (i >= 0) {
      costs.raw.push(rawCost / round);
      costs.typed.push(typedCost / round);
    }
  }
  raw.close();
  await typed.close();
  return ratioOf(percentile(costs.typed, 0.5), percentile(costs.raw, 0.5));
}

function repeat(count: number, run: (n: number) => unknown): void {
  for (let n = 0; n < count; n++) run(n);
}

/** What the layer's statements say, with the columns that they name. */
const RAW = {
  touch: `INSERT INTO sessions (id, space_id, agent_id, channel, key, peer_id, owner_id, audience, stateless, last_seq, touches, created_at, updated_at)
       VALUES (?,?,?,?,?,?,?,?,?,?,1,?,?) ON CONFLICT (id) DO UPDATE SET last_seq = last_seq + 1, touches = touches + 1,
       audience = excluded.audience, updated_at = excluded.updated_at RETURNING last_seq, touches`,
  append: `INSERT INTO messages (id, space_id, session_id, turn_id, seq, turn_seq, role, v, parts, audience, outcome, created_at)
       VALUES (?,?,?,?,?,?,?,1,?,?,?,?)`,
  record: `INSERT INTO model_calls (turn_id, id, space_id, agent_id, session_id, model, purpose, outcome, input_tokens, cached_input_tokens,
       output_tokens, estimated, cost_micro_usd, latency_ms, at, peer_id, owner_id, day, charged)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)`,
} as const;

function rawWriter(raw: DatabaseSync): (id: string, n: number) => void {
  const begin = raw.prepare("BEGIN IMMEDIATE");
  const commit = raw.prepare("COMMIT");
  const touch = raw.prepare(RAW.touch);
  const append = raw.prepare(RAW.append);
  const record = raw.prepare(RAW.record);
  return (id, n) => {
    begin.run();
    const session = touch.get(
      "raw",
      "default",
      "ana",
      "api",
      "raw",
      "peer",
      "key",
      '["peer"]',
      0,
      1,
      n,
      n,
    ) as { last_seq: number };
    const seq = session.last_seq;
    append.run(
      id,
      "default",
      "raw",
      id,
      seq,
      seq,
      "user",
      '[{"type":"text","text":"How are you today, and what is new?"}]',
      '["peer"]',
      "open",
      n,
    );
    record.run(
      id,
      id,
      "default",
      "ana",
      "raw",
      "offline/guide",
      "turn",
      "ok",
      10,
      0,
      20,
      0,
      0,
      5,
      n,
      "peer",
      "key",
      "2026-11-21",
    );
    commit.run();
  };
}

function threeWrites(stores: Stores, id: string, sessionId = "typed", at = Date.now()): Write<unknown>[] {
  const shared = { spaceId: "default", sessionId, turnId: id } as const;
  return [
    stores.sessions.touch({
      id: sessionId,
      spaceId: "default",
      agentId: "ana",
      channel: "api",
      key: sessionId,
      peerId: "peer",
      ownerId: "key",
      audience: ["peer"],
      stateless: false,
      at,
      count: 1,
    }),
    stores.sessions.append({
      ...shared,
      id,
      turnSeq: "same",
      role: "user",
      parts: [{ type: "text", text: "How are you today, and what is new?" }],
      audience: ["peer"],
      outcome: "ok",
      createdAt: at,
      fromLast: 0,
    }),
    stores.ledger.record({
      ...shared,
      id,
      agentId: "ana",
      peerId: "peer",
      ownerId: "key",
      storylineId: undefined,
      model: "offline/guide",
      keyId: undefined,
      purpose: "turn",
      outcome: "ok",
      errorCode: undefined,
      inputTokens: 10,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 20,
      reasoningTokens: 0,
      estimated: false,
      costMicroUsd: 0,
      isPriced: true,
      latencyMs: 5,
      day: "2026-11-21",
      at,
    }),
  ];
}

/** What accepting a message commits: five writes. */
function acceptWrites(stores: Stores, n: number, sessionId: string): Write<unknown>[] {
  const at = Date.now();
  const id = `accept-${n}`;
  return [
    ...threeWrites(stores, id, sessionId, at).slice(0, 2),
    stores.inbox.accept({
      id,
      spaceId: "default",
      sessionId,
      turnId: id,
      channel: "api",
      platformId: undefined,
      requestHash: id,
      principalId: "key",
      principalKind: "key",
      replyTo: undefined,
      receivedAt: at,
      acceptedAt: at,
    }),
    stores.turns.open({
      id,
      spaceId: "default",
      agentId: "ana",
      sessionId,
      trigger: "chat",
      lane: "realtime",
      payload: {},
      dueAt: at,
      deadlineAt: at + 60_000,
      reservedMicroUsd: 100,
      createdAt: at,
      owner: "process",
    }),
    stores.ledger.reserve({
      holder: id,
      microUsd: 100,
      accounts: [
        {
          spaceId: "default",
          scope: "space",
          subject: "",
          period: "2026-11-21",
          limitMicroUsd: 1_000_000_000,
        },
      ],
    }),
  ];
}

async function writerFigures(directory: string, transactions: number): Promise<Figure[]> {
  const metrics = createMetrics();
  const { stores, close } = await openStore(join(directory, "writer.db"), "threads", metrics);
  let n = 0;
  const one = (sessionId: string): Promise<unknown> =>
    stores.unit.commit(acceptWrites(stores, n++, sessionId), options);
  for (let i = 0; i < 200; i++) await one("warm");

  const latencies: number[] = [];
  const lone = Math.ceil(transactions / 4);
  const loneCpu = await cpuOfAsync(async () => {
    for (let i = 0; i < lone; i++) {
      const start = performance.now();
      await one(`lone-${i % 50}`);
      latencies.push(performance.now() - start);
    }
  });

  const before = numberOf(metrics.render(), "store_groups_total");
  const perWriter = Math.ceil(transactions / 64) * 4;
  const writer = async (w: number): Promise<void> => {
    for (let i = 0; i < perWriter; i++) await one(`writer-${w}`);
  };
  const groupCpu = await cpuOfAsync(async () => {
    await Promise.all(Array.from({ length: 64 }, (_, w) => writer(w)));
  });
  const groups = numberOf(metrics.render(), "store_groups_total") - before;
  await close();
  return [
    figure("lone commit of 5 writes, latency p50", percentile(latencies, 0.5), "ms"),
    figure("lone commit of 5 writes, CPU", loneCpu / lone, "µs", { atMost: 350 }),
    figure("64 writers, commit of 5 writes, CPU", groupCpu / (64 * perWriter), "µs", { atMost: 60 }),
    figure("commits per fsync, 64 writers", (64 * perWriter) / groups, "commits", { atLeast: 25 }),
  ];
}

function numberOf(page: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(page)?.[1] ?? Number.NaN);
}
