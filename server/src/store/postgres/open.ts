import type { Clock, IdGenerator, Logger } from "@troupe/contracts";
import type { Metrics } from "../../kit/index.ts";
import { assembleStores, healthOf, type OpenStores } from "../assemble.ts";
import { troupeErrorOf } from "../failure.ts";
import type { Migration } from "../migrations/index.ts";
import { createReadBound, createReads } from "../reads.ts";
import { createStatements } from "../statement.ts";
import { type BatchTransport, createWriter } from "../writer.ts";
import { placeOf } from "./connection.ts";
import type { Sharing } from "./custody.ts";
import { postgresDialect } from "./dialect.ts";
import { createGroups } from "./groups.ts";
import { Link } from "./link.ts";
import { createReaders } from "./readers.ts";
import { createTrips } from "./trips.ts";
import { createPostgresVectorIndex } from "./vector-index.ts";
import { createPostgresWordIndex } from "./word-index.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** 0 ≤ x < 1, for the waiting times between tries. */
  readonly random?: () => number;
  /**
   * `shared`: other processes that say the same work with the database beside this one; their commits take turns. Default
   * `alone`: a second process is refused.
   */
  readonly sharing?: Sharing;
  /** Default: those of this version. */
  readonly migrations?: readonly Migration[] | undefined;
  /** Transactions that may wait before commits are refused with `store.busy`. Default 8192. */
  readonly queueLimit?: number;
  /** How long commits and reads wait for a server that is away. Default 30 s. */
  readonly patienceMs?: number;
  readonly statementTimeoutMs?: number;
}

const QUEUE_LIMIT = 8192;
const PATIENCE_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Whoever stops Troupe does not wait for a server that is away as long as a message does. */
const CLOSE_PATIENCE_MS = 2_000;
/** Small reads, and those without a small bound: a long one holds up none of the short. */
const NEAR_CONNECTIONS = 2;
const FAR_CONNECTIONS = 2;

/**
 * The store on PostgreSQL. It takes the database for itself, unless it is shared: a second process is refused with
 * `home.locked`, and one that loses it writes nothing more. Throws the store's error codes.
 */
export async function openPostgresStores(options: PostgresOptions): Promise<OpenStores> {
  const { url, clock, ids, logger, metrics, random = Math.random, queueLimit = QUEUE_LIMIT } = options;
  const where = placeOf(url);
  const writerId = ids.next();
  const shared = {
    ...{ url, where, clock, metrics, random },
    patienceMs: options.patienceMs ?? PATIENCE_MS,
    statementTimeoutMs: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    sharing: options.sharing ?? "alone",
    migrations: options.migrations,
  };
  const linking = { ...shared, writerId, logger };
  const link = new Link(linking);
  const statements = createStatements(postgresDialect);
  const texts = () => statements.texts;
  const run = createGroups({ texts, trip: createTrips(link, linking), where });
  const transport: BatchTransport = {
    send: (batch, answered) => void run(batch).then(answered),
    // After the sockets of this tick were read: what arrived together is committed together.
    afterTick: (post) => void setImmediate(post),
  };
  const writer = createWriter({ transport, clock, logger, metrics, queueLimit });
  const reading = { ...shared, texts, applicationName: `troupe-read ${writerId}` };
  const near = createReaders({ ...reading, connections: NEAR_CONNECTIONS });
  const far = createReaders({ ...reading, connections: FAR_CONNECTIONS });
  const bound = createReadBound(metrics);
  const stores = assembleStores({
    ...{ dialect: postgresDialect, statements, logger, unit: writer },
    reads: createReads({ near: bound(near), far: bound(far) }),
    wordIndex: createPostgresWordIndex,
  });
  const naming = { applicationName: `troupe-vectors ${writerId}` };
  const vectorIndex = createPostgresVectorIndex({ ...shared, ...naming, vectors: stores.vectors });
  const { pending: applied, ahead } = await link.open();
  if (applied.length > 0) logger.info("store.migrated", { where, applied });
  if (ahead.length > 0) logger.warn("store.ahead", { where, ahead });
  return {
    stores: { ...stores, vectorIndex },
    ahead,
    health() {
      const { failure } = link;
      if (failure === undefined) return healthOf(writer);
      return { ok: false, error: troupeErrorOf(failure), queued: writer.queued() };
    },
    async close() {
      using _ = clock.schedule(CLOSE_PATIENCE_MS, () => link.leaveIfAway());
      await writer.close();
      await Promise.all([near.close(), far.close(), vectorIndex.close()]);
      await link.close();
    },
  };
}
