// Many processes on one PostgreSQL and one NATS server, killed, stopped past their lease and continued, with both servers
// restarted meanwhile; counted afterwards as one Troupe.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { NatsServer, PostgresCluster } from "@troupe/testing";
import { createRandom, type Random } from "../../testing/src/simulator/index.ts";
import { type FarSide, openFarSide, type Pace } from "./far-side.ts";
import { type FaultCounts, type FaultPlan, runFaults } from "./faults.ts";
import { writeHome } from "./home.ts";
import { judgeJobs, startPlanners } from "./jobs.ts";
import { type Breach, comeToRest, type Judgement, judge } from "./judge.ts";
import { createKeyHolder, createMember, type Fall, type Member } from "./member.ts";
import { type Manners, startSenders } from "./senders.ts";
import type { Entrance } from "./wire.ts";

export type ClusterRole = "gateway" | "agent" | "worker";
export const CLUSTER_ROLES: readonly ClusterRole[] = ["gateway", "agent", "worker"];
/** How many processes of each role. */
export type ClusterSize = Readonly<Record<ClusterRole, number>>;

export interface ClusterServers {
  readonly store: PostgresCluster;
  readonly bus: NatsServer;
}

export interface ClusterRound extends Judgement, FaultCounts {
  /** Starts that ended because the database went away under them. */
  readonly failedStarts: number;
  readonly cancels: number;
  /** Jobs that were acknowledged, and runs of jobs that are kept. */
  readonly jobs: number;
  readonly jobRuns: number;
  readonly seconds: number;
}

const MANNERS: Manners = {
  ...{ lanes: 12, mostGapMs: 400 },
  ...{ steerShare: 0.1, interruptShare: 0.05, cancelShare: 0.06 },
};
/** Slow enough that a good part of all faults falls into the middle of something. */
const SLOW: Pace = { platformMs: 300, modelMs: 40 };
/** A start finds out so much later that the database had gone. */
const AFTER_OUTAGE_MS = 15_000;
const AGAIN_MS = 300;

/** One database, the faults of the plan under load, then rest, then every check. */
export async function runClusterRound(options: {
  readonly servers: ClusterServers;
  readonly size: ClusterSize;
  readonly plan: FaultPlan;
  readonly seed: number;
  /** The load goes on until so many messages were begun, however slow the machine is. Default 0. */
  readonly leastMessages?: number;
  /** A folder for the processes' logs. Default: what they have to say is thrown away. */
  readonly logs?: string | undefined;
  readonly log?: (line: string) => void;
}): Promise<ClusterRound> {
  const { servers, size, plan, seed, leastMessages = 0, log = () => {} } = options;
  const startedMs = performance.now();
  const random = createRandom(seed);
  await using far = await openFarSide(random.fork("far"), SLOW);
  await using database = await servers.store.create();
  const folder = mkdtempSync(join(tmpdir(), "troupe-cluster-"));
  const bus = { url: servers.bus.url, prefix: new URL(database.url).pathname.slice(1) };
  const cluster = openCluster({ folder, far, size, storeUrl: database.url, bus, logs: options.logs });
  try {
    await cluster.allUp();
    log("all processes work");
    const pick = random.fork("ways in");
    const withKey = createKeyHolder();
    const entrance = (): Entrance | undefined => withKey(cluster.anyEntrance(pick));
    const senders = startSenders({ random: random.fork("senders"), entrance, manners: MANNERS });
    const planners = startPlanners({ random: random.fork("planners"), entrance });
    const begun = (): number => senders.told.length;
    const faults = await runFaults({ ...cluster, servers, plan, random: random.fork("faults"), begun });
    log(`all faults are done; ${begun()} messages so far`);
    await cluster.allUp();
    while (begun() < leastMessages) await wait(50);
    await Promise.all([senders.finish(), planners.finish()]);
    log("every sender is acknowledged");
    const reading = await comeToRest(entrance);
    log("everything has come to rest");
    const { counts, breaches, unknown } = judge(far, senders.told, reading);
    const jobs = judgeJobs(planners.kept, reading.jobs, reading.kept);
    const { excused, breaches: falls } = judgeFalls(cluster.members, faults.outages);
    return {
      ...{ counts, unknown, breaches: [...breaches, ...jobs.breaches, ...falls], ...faults.counts },
      ...{ failedStarts: excused, cancels: senders.cancels },
      ...{ jobs: planners.kept.length, jobRuns: jobs.runs },
      seconds: (performance.now() - startedMs) / 1_000,
    };
  } finally {
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface Cluster {
  readonly members: readonly Member[];
  /** Starts it unless it runs, again and again until it works: as whoever watches over processes does. */
  bringBack(member: Member): Promise<void>;
  allUp(): Promise<void>;
  anyEntrance(random: Random): Entrance | undefined;
  close(): Promise<void>;
}

function openCluster(options: {
  readonly folder: string;
  readonly far: FarSide;
  readonly size: ClusterSize;
  readonly storeUrl: string;
  readonly bus: { readonly url: string; readonly prefix: string };
  readonly logs: string | undefined;
}): Cluster {
  const { folder, far, size, storeUrl, bus, logs } = options;
  if (logs !== undefined) mkdirSync(logs, { recursive: true });
  const members = CLUSTER_ROLES.flatMap((role) =>
    Array.from({ length: size[role] }, (_, i) => {
      const name = `${role}-${i + 1}`;
      const home = join(folder, name);
      const blobsUrl = `file:${join(folder, "blobs")}`;
      writeHome(home, far, { storeUrl, bus, blobsUrl, hasAgent: role === "gateway" });
      return createMember({ name, role, home, platformUrl: far.platformUrl, logs });
    }),
  );
  let isClosed = false;
  const bringBack = async (member: Member): Promise<void> => {
    while (!isClosed && !(await member.start())) await wait(AGAIN_MS);
  };
  return {
    members,
    bringBack,
    allUp: async () => void (await Promise.all(members.map(bringBack))),
    anyEntrance(random) {
      const open = members.map(({ entrance }) => entrance).filter((entrance) => entrance !== undefined);
      return open.length === 0 ? undefined : random.pick(open);
    },
    async close() {
      isClosed = true;
      await Promise.all(members.map((member) => member.kill()));
    },
  };
}

/** A start that loses its database ends with a sentence, and is to be tried again; nothing else ends by itself. */
function judgeFalls(
  members: readonly Member[],
  outages: readonly { readonly fromMs: number; readonly toMs: number }[],
): { readonly excused: number; readonly breaches: readonly Breach[] } {
  const isExcused = ({ inStart, atMs }: Fall): boolean =>
    inStart && outages.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs + AFTER_OUTAGE_MS);
  const falls = members.flatMap((member) => member.falls);
  const breaches = falls
    .filter((fall) => !isExcused(fall))
    .map(({ name, what }) => ({ rule: "processes end by our kills alone", what: `${name}: ${what}` }));
  return { excused: falls.length - breaches.length, breaches };
}
