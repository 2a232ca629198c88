// What is done to a Troupe of many processes while people write to it.
import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { Cluster, ClusterRole, ClusterServers } from "./cluster.ts";
import type { Member } from "./member.ts";

export interface FaultPlan {
  readonly kills: number;
  /** Processes that stand still past their lease, and go on. */
  readonly stops: number;
  readonly busRestarts: number;
  readonly storeRestarts: number;
}

export type ByRole = Readonly<Record<ClusterRole, number>>;

export interface FaultCounts {
  readonly kills: ByRole;
  /** Of those: kills that fell into a start. */
  readonly killsInStart: number;
  readonly stops: ByRole;
  readonly busRestarts: number;
  readonly storeRestarts: number;
}

export interface FaultReport {
  readonly counts: FaultCounts;
  /** When the database's server was away, on the monotonic clock. */
  readonly outages: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** Messages that are begun before most kills, on a slow machine too. */
const WORK_BEFORE_KILL = 8;
/** How a share of all kills and stops falls to each role, by weight. */
const WEIGHTS: ByRole = { agent: 5, worker: 3, gateway: 2 };
/** A process's lease among several: see `paceOf`. */
const LEASE_MS = 6_000;

interface FaultDeps extends Pick<Cluster, "members" | "bringBack"> {
  readonly servers: ClusterServers;
  readonly plan: FaultPlan;
  readonly random: Random;
  /** Messages that were begun so far. */
  readonly begun: () => number;
}

/** Kills, stops and restarts go on side by side; resolves when all are done and all processes work again. */
export async function runFaults(deps: FaultDeps): Promise<FaultReport> {
  const { plan, random } = deps;
  const half = Math.ceil(plan.stops / 2);
  const [kills, stops, moreStops, busRestarts, outages] = await Promise.all([
    killAgainAndAgain(deps, random.fork("kills")),
    stopAndContinue(deps, half, random.fork("stops")),
    stopAndContinue(deps, plan.stops - half, random.fork("more stops")),
    restartBus(deps, random.fork("bus")),
    restartStore(deps, random.fork("store")),
  ]);
  const counts = {
    ...{ kills: kills.byRole, killsInStart: kills.inStart, busRestarts, storeRestarts: outages.length },
    stops: { gateway: 0, agent: 0, worker: 0 },
  };
  for (const role of Object.keys(counts.stops) as ClusterRole[])
    counts.stops[role] = stops[role] + moreStops[role];
  return { counts, outages };
}

async function killAgainAndAgain(
  deps: FaultDeps,
  random: Random,
): Promise<{ readonly byRole: ByRole; readonly inStart: number }> {
  const { plan, bringBack } = deps;
  const byRole = { gateway: 0, agent: 0, worker: 0 };
  let inStart = 0;
  const returning: Promise<void>[] = [];
  const comeBack = async (victim: Member, afterMs: number): Promise<void> => {
    await wait(afterMs);
    await bringBack(victim);
  };
  for (let done = 0; done < plan.kills; ) {
    await workBefore(deps, random);
    const victim = pickVictim(deps, random);
    if (victim === undefined) {
      await wait(50);
      continue;
    }
    await victim.kill();
    done += 1;
    byRole[victim.role as ClusterRole] += 1;
    if (done < plan.kills && random.chance(0.1)) {
      const starting = victim.start();
      await Promise.race([starting, wait(random.int(20, 600))]);
      if (!victim.isUp) inStart += 1;
      await victim.kill();
      done += 1;
      byRole[victim.role as ClusterRole] += 1;
    }
    // Most are back at once, as whoever watches over processes has it; the others have the work meanwhile.
    returning.push(comeBack(victim, random.chance(0.7) ? random.int(0, 300) : random.int(300, 3_000)));
  }
  await Promise.all(returning);
  return { byRole, inStart };
}

/** A turn that is cut off too often is given up, which is right and shows little; so most kills let some work be done. */
async function workBefore({ begun }: FaultDeps, random: Random): Promise<void> {
  if (random.chance(0.3)) return wait(random.int(1, 60));
  const before = begun();
  await wait(random.int(200, 1_400));
  for (let waited = 0; begun() < before + WORK_BEFORE_KILL && waited < 10_000; waited += 25) await wait(25);
}

function pickVictim({ members }: FaultDeps, random: Random): Member | undefined {
  const able = members.filter(({ isUp, isPaused }) => isUp && !isPaused);
  const tickets = able.flatMap((member) => Array<Member>(WEIGHTS[member.role as ClusterRole]).fill(member));
  return tickets.length === 0 ? undefined : random.pick(tickets);
}

/** Each stands still until others have taken over what it had, and goes on as if nothing had been. */
async function stopAndContinue(deps: FaultDeps, stops: number, random: Random): Promise<ByRole> {
  const byRole = { gateway: 0, agent: 0, worker: 0 };
  for (let done = 0; done < stops; ) {
    await wait(random.int(100, 1_500));
    const victim = pickVictim(deps, random);
    if (victim === undefined) continue;
    victim.pause();
    await wait(LEASE_MS + random.int(300, 3_000));
    victim.resume();
    byRole[victim.role as ClusterRole] += 1;
    done += 1;
  }
  return byRole;
}

/** It dies, or stands still, which a connection notices late. */
async function restartBus({ servers: { bus }, plan }: FaultDeps, random: Random): Promise<number> {
  for (let done = 0; done < plan.busRestarts; done++) {
    await wait(random.int(2_000, 8_000));
    if (random.chance(0.3)) {
      bus.pause();
      await wait(random.int(300, 4_000));
      bus.resume();
      await wait(random.int(300, 1_000));
    }
    await bus.stop();
    await wait(random.int(50, 4_000));
    await bus.start();
  }
  return plan.busRestarts;
}

/** In the middle of work: commits are under way when the server dies, and some when it is asked to end. */
async function restartStore(
  { servers: { store }, plan }: FaultDeps,
  random: Random,
): Promise<FaultReport["outages"]> {
  const outages: { readonly fromMs: number; readonly toMs: number }[] = [];
  for (let done = 0; done < plan.storeRestarts; done++) {
    await wait(random.int(3_000, 10_000));
    const fromMs = performance.now();
    await store.stop(random.chance(0.7) ? "immediate" : "fast");
    await wait(random.int(1, 1_500));
    await store.start();
    outages.push({ fromMs, toMs: performance.now() });
  }
  return outages;
}
