import { TroupeError } from "@troupe/contracts";
import { examinePostgres, type PostgresFacts } from "../../store/index.ts";
import type { Config } from "../config/index.ts";
import { isPostgres } from "../open-store.ts";
import type { Finding } from "./finding.ts";

/** Older ones are no longer maintained. Source: postgresql.org/support/versioning. */
const OLDEST_VERSION = 14;
const SLOW_ROUND_TRIP_MS = 20;
const SKEW_TOLERANCE_MS = 2_000;
/** Of Troupe itself: one that writes, two and two that read. */
const NEEDED_CONNECTIONS = 5;
/** Beside them where vectors are searched in the database: one that asks, one that takes in. */
const INDEX_CONNECTIONS = 2;

/** What can be wrong with a database server. A file has its disk looked at elsewhere. */
export async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  if (!isPostgres(config.store.url)) return [];
  try {
    const facts = await examinePostgres(config.store.url);
    const isIndexed = config.recall.index === "pgvector";
    return [
      checkServer(facts),
      checkDistance(facts),
      checkRights(facts, NEEDED_CONNECTIONS + (isIndexed ? INDEX_CONNECTIONS : 0)),
      checkSpace(facts),
      checkTables(facts),
      ...(isIndexed ? [checkVectorIndex(facts)] : []),
    ];
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    const remedy = "Start the server, or correct store.url in troupe.yaml. Until then nothing can be kept.";
    return [{ name: "Database", verdict: "bad", what: error.message, how: "connected to it", remedy }];
  }
}

function checkServer({ where, version, majorVersion, isStandby, isDurable }: PostgresFacts): Finding {
  const base = { name: "Database", what: `PostgreSQL ${version}, ${where}`, how: "asked the server" };
  if (isStandby) {
    const what = `${base.what}, is a standby that takes no changes`;
    return { ...base, verdict: "bad", what, remedy: "Let store.url name the primary server." };
  }
  if (!isDurable) {
    const what = `${base.what}, tells of commits before they are on the disk`;
    const remedy =
      "Set fsync = on and synchronous_commit = on: a crash of the server would lose what was confirmed.";
    return { ...base, verdict: "bad", what, remedy };
  }
  if (majorVersion >= OLDEST_VERSION) return { ...base, verdict: "good" };
  return {
    ...base,
    verdict: "warning",
    remedy: `Use PostgreSQL ${OLDEST_VERSION} or newer; older ones get no repairs.`,
  };
}

function checkDistance({ roundTripMs, skewMs }: PostgresFacts): Finding {
  const what = `${roundTripMs.toFixed(1)} ms away, its clock ${describeSkew(skewMs)}`;
  const base = { name: "Database distance", what, how: "the quickest of five questions" };
  if (Math.abs(skewMs) > SKEW_TOLERANCE_MS) {
    const remedy =
      "Set the clocks of both machines by NTP. Leases go by the server's clock, deadlines by ours.";
    return { ...base, verdict: "warning", remedy };
  }
  if (roundTripMs <= SLOW_ROUND_TRIP_MS) return { ...base, verdict: "good" };
  const remedy = "Move them closer: each message waits for at least two round trips.";
  return { ...base, verdict: "warning", remedy };
}

function describeSkew(skewMs: number): string {
  const ms = Math.round(Math.abs(skewMs));
  return ms < 50 ? "as ours" : `${ms} ms ${skewMs > 0 ? "ahead" : "behind"}`;
}

function checkRights({ mayCreate, connections, maxConnections }: PostgresFacts, needed: number): Finding {
  const base = { name: "Database rights", how: "asked the server" };
  if (!mayCreate) {
    const remedy =
      "Make the user the owner: ALTER DATABASE NAME OWNER TO USER, or GRANT CREATE ON SCHEMA public.";
    return { ...base, verdict: "bad", what: "the user of store.url may not make tables", remedy };
  }
  const what = `may make tables; ${connections} of ${maxConnections} connections are taken`;
  if (maxConnections - connections >= needed) return { ...base, verdict: "good", what };
  const remedy = `Troupe needs ${needed}. Raise max_connections, or stop other programs.`;
  return { ...base, verdict: "warning", what, remedy };
}

function checkSpace({ sizeBytes }: PostgresFacts): Finding {
  const what = `${(sizeBytes / 1e6).toFixed(0)} MB; the server's disk cannot be seen from here`;
  return { name: "Database size", verdict: "good", what, how: "asked the server" };
}

function checkTables({ migrations }: PostgresFacts): Finding {
  const base = { name: "Database tables", how: "compared them with this version" };
  if (migrations.pending.length === 0) return { ...base, verdict: "good", what: "up to date" };
  if (migrations.applied.length === 0)
    return { ...base, verdict: "good", what: "none yet; the first start makes them" };
  const what = `${migrations.pending.length} steps behind`;
  return { ...base, verdict: "good", what: `${what}; the next start, or ./troupe migrate, applies them` };
}

function checkVectorIndex({ vectors: { installed, available, lack } }: PostgresFacts): Finding {
  const base = { name: "Vector index", how: "asked the server" };
  if (lack !== undefined) {
    const what = `recall.index is pgvector, and ${lack.what}; search goes by words`;
    return { ...base, verdict: "warning", what, remedy: `${lack.remedy}, or write recall.index: resident.` };
  }
  const what =
    installed === undefined
      ? `pgvector ${available} is there, and made with the first vectors`
      : `pgvector ${installed}`;
  return { ...base, verdict: "good", what };
}
