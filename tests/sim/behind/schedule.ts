// Runs one schedule behind the reply: the plan of a seed, until everything has come to rest, then every check.
import type { Committed, ErrorCode, Stores, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { InlineStores } from "../../../server/src/store/index.ts";
import {
  createFaults,
  createRandom,
  createSimulatedBus,
  createSimulatedPlatform,
  type Random,
  type SimulatedBus,
  type World,
} from "../../../testing/src/simulator/index.ts";
import type { StoreKind } from "../../lab/test-store.ts";
import type { Breach } from "../breach.ts";
import { createHouse, type House } from "../house.ts";
import { openStand } from "../stand.ts";
import { type BehindCounts, checkBehind } from "./check.ts";
import { startBehindClients } from "./clients.ts";
import { type Behind, type BehindMutation, composeBehind } from "./composition.ts";
import type { Desk } from "./desk.ts";
import { readBehind } from "./kept.ts";
import { type BehindPlan, planBehind } from "./plan.ts";
import { whatIsOpen } from "./rest.ts";
import { createSeen, type Seen } from "./seen.ts";

export interface BehindResult {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  readonly counts: BehindCounts;
  readonly strikes: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly logHash: string;
  /** Only with `keepLog`. */
  readonly lines: readonly string[];
  readonly plan: BehindPlan;
}

export interface BehindSimulator extends AsyncDisposable {
  run(
    seed: number,
    options?: { readonly keepLog?: boolean; readonly mutation?: BehindMutation },
  ): Promise<BehindResult>;
}

/** Faults stop here; what is left has to come to rest by itself. */
const FAULTS_UNTIL_MS = 20_000;
const REST_WITHIN_MS = 15 * 60_000;
const LOOK_EVERY_MS = 2_000;

export async function createBehindSimulator(kind: StoreKind = "sqlite"): Promise<BehindSimulator> {
  const stand = await openStand(kind);
  return {
    async run(seed, { keepLog = false, mutation } = {}) {
      const world = await stand.begin({ seed, keepLog });
      return runSchedule(world, stand.store, seed, mutation);
    },
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}

async function runSchedule(
  world: World,
  store: InlineStores,
  seed: number,
  mutation: BehindMutation | undefined,
): Promise<BehindResult> {
  const plan = planBehind(createRandom(seed).fork("plan"));
  const faults = createFaults(world, plan.faults);
  const bus = createSimulatedBus(world, faults);
  const platform = createSimulatedPlatform(world, faults);
  const seen = createSeen();
  const breaches: Breach[] = [];
  const report = (rule: string, what: string): void => void breaches.push({ rule, what });
  const { stores, commit } = watched(store, { world, seen, report });
  let isCalm = false;
  const house = createHouse({
    ...{ world, faults, plan },
    compose: (process, room) =>
      composeBehind({
        ...{ world, faults, process, stores, commit, bus, platform, plan, seen, mutation },
        isOld: plan.isMixed && room === 0,
        random: world.random.fork(process.name),
        isCalm: () => isCalm,
      }),
  });
  const random = world.random.fork("clients");
  const { told, desk } = startBehindClients({ world, random, plan, stores: store.stores, pick: house.pick });
  disturb({ world, plan, house, bus, random: world.random.fork("jumps") });
  world.after(FAULTS_UNTIL_MS, undefined, "calm", () => {
    isCalm = true;
    faults.end();
  });
  const open = await comeToRest(world, desk, house, store.stores);
  if (open !== undefined) report("everything comes to rest", open);
  const { arrived, rejected, doubted } = platform;
  const counts = checkBehind(
    {
      ...{ plan, told, seen, arrived, rejected, doubted, kept: await readBehind(store.stores, plan) },
      wasCalm: isUndisturbed(plan),
      wasQuick: plan.faults.slowShare === 0,
    },
    report,
  );
  const { steps, nowMs: simulatedMs, logHash, lines } = world;
  return { seed, breaches, counts, strikes: faults.strikes, steps, simulatedMs, logHash, lines, plan };
}

function isUndisturbed({ faults, jumps, cuts, effects }: BehindPlan): boolean {
  const kills = effects.some((put) => put.effects.some((one) => one.kills > 0));
  const isQuiet = faults.strikeEvery === undefined && faults.refuseShare === 0 && faults.slowShare === 0;
  return isQuiet && faults.dropShare === 0 && jumps.length === 0 && cuts.length === 0 && !kills;
}

/** Moves clocks and cuts processes off from the bus, as the plan says. */
function disturb(parts: {
  readonly world: World;
  readonly plan: BehindPlan;
  readonly house: House<Behind>;
  readonly bus: SimulatedBus;
  readonly random: Random;
}): void {
  const { world, plan, house, bus, random } = parts;
  for (const { atMs, byMs, of } of plan.jumps)
    world.after(atMs, undefined, "jump", () => {
      if (of === "one") return house.pick(random.next())?.process.shiftClock(byMs);
      // Clocks of processes stand beside that of the database, and go with it.
      world.shiftUtc(byMs);
      if (of === "database") for (const { process } of house.residents) process.shiftClock(-byMs);
    });
  for (const { atMs, forMs, at } of plan.cuts)
    world.after(atMs, undefined, "cut", () => {
      const cut = house.pick(at);
      if (cut !== undefined) bus.cutOff(cut.process, forMs);
    });
}

/** The store as all processes share it, with a note of when turns really began and ended. */
function watched(
  store: InlineStores,
  about: {
    readonly world: World;
    readonly seen: Seen;
    readonly report: (rule: string, what: string) => void;
  },
): { readonly stores: Stores; readonly commit: (writes: readonly Write<unknown>[]) => Committed } {
  const { world, seen, report } = about;
  const notes = new WeakMap<object, () => void>();
  const noting = <W extends Write<unknown>>(write: W, times: Map<string, number>, id: string): W => {
    notes.set(write, () => void times.set(id, times.get(id) ?? world.nowMs));
    return write;
  };
  const { turns } = store.stores;
  return {
    stores: {
      ...store.stores,
      turns: {
        ...turns,
        open: (turn) => noting(turns.open(turn), seen.turnBegins, turn.id),
        finish: (turn) => noting(turns.finish(turn), seen.turnEnds, turn.id),
        cancelQueued: (id, at) => noting(turns.cancelQueued(id, at), seen.turnEnds, id),
      },
    },
    commit(writes) {
      try {
        const committed = store.applySync(writes);
        for (const write of writes) notes.get(write)?.();
        return committed;
      } catch (error) {
        const isGuard = ["store.conflict", "store.duplicate", "rate.limited"].some((code) =>
          TroupeError.is(error, code as ErrorCode),
        );
        if (!isGuard) report("the store takes what it is given", String(error));
        throw error;
      }
    },
  };
}

/** Runs until no client waits, every process runs, and nothing in the store is open, twice in a row; else tells what is. */
async function comeToRest(
  world: World,
  desk: Desk,
  house: House<Behind>,
  stores: Stores,
): Promise<string | undefined> {
  let restful = 0;
  let open: string | undefined = "nothing was looked at";
  for (let untilMs = LOOK_EVERY_MS; untilMs < REST_WITHIN_MS; untilMs = world.nowMs + LOOK_EVERY_MS) {
    await world.run(() => false, untilMs);
    open = desk.isDone && house.isWhole ? await whatIsOpen(stores) : "clients wait, or a process is away";
    restful = open === undefined ? restful + 1 : 0;
    if (restful === 2) return undefined;
  }
  return open;
}
