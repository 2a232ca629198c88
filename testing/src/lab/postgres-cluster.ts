import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { findPostgres, type TestDatabase } from "./postgres.ts";

/** A PostgreSQL server of its own, which may be stopped and killed. Disposing ends it and removes its files. */
export interface PostgresCluster extends AsyncDisposable {
  create(): Promise<TestDatabase>;
  /** `immediate` is a crash: the next start recovers from the log. Sessions are cut off in either case. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  start(): Promise<void>;
}

/** Why the tests that restart a server are left out, and how to have them run. */
export const NO_CLUSTER =
  "needs PostgreSQL's own programs initdb and pg_ctl (Debian: apt install postgresql), and a user postgres when run as root";

const run = promisify(execFile);
const DEBIAN = "/usr/lib/postgresql";

interface Programs {
  readonly initdb: string;
  readonly pgCtl: string;
  /** The server refuses to run as root. */
  readonly as: { readonly uid: number; readonly gid: number } | undefined;
}

/** Makes a server in a temporary folder, or undefined where its programs are not to be had. */
export async function startPostgresCluster(): Promise<PostgresCluster | undefined> {
  const programs = await findPrograms();
  if (programs === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "troupe-postgres-"));
  const data = join(folder, "data");
  const options = { ...programs.as, cwd: folder, maxBuffer: 1 << 24 };
  mkdirSync(data, { mode: 0o700 });
  if (programs.as !== undefined)
    for (const path of [folder, data]) chownSync(path, programs.as.uid, programs.as.gid);
  await run(
    programs.initdb,
    [
      "--pgdata",
      data,
      "--username",
      "postgres",
      "--auth",
      "trust",
      "--encoding",
      "UTF8",
      "--locale",
      "C",
      "--no-sync",
    ],
    options,
  );
  const port = await freePort();
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c shared_buffers=32MB -c max_connections=60`;
  const log = join(folder, "log");
  const control = async (...more: readonly string[]): Promise<void> => {
    await run(programs.pgCtl, ["--pgdata", data, "--wait", "--timeout", "60", ...more], options);
  };
  const start = () => control("--log", log, "--options", settings, "start");
  await start();
  const environment = { TROUPE_TEST_POSTGRES: `postgres://postgres@127.0.0.1:${port}/postgres` };
  return {
    async create() {
      const lab = await findPostgres(environment);
      if (lab === undefined) throw new Error("The server of its own does not answer.");
      return lab.create();
    },
    stop: (mode) => control("--mode", mode, "stop"),
    start,
    async [Symbol.asyncDispose]() {
      await control("--mode", "immediate", "stop").catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function findPrograms(): Promise<Programs | undefined> {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folder = versions
    .map((version) => join(DEBIAN, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  const programs =
    folder === undefined
      ? { initdb: "initdb", pgCtl: "pg_ctl" }
      : { initdb: join(folder, "initdb"), pgCtl: join(folder, "pg_ctl") };
  try {
    await run(programs.initdb, ["--version"]);
    if (process.getuid?.() !== 0) return { ...programs, as: undefined };
    const [uid, gid] = await Promise.all(
      ["-u", "-g"].map(async (what) => (await run("id", [what, "postgres"])).stdout),
    );
    return { ...programs, as: { uid: Number(uid), gid: Number(gid) } };
  } catch {
    return undefined;
  }
}
