// Runs one schedule: the plan of a seed, until everything has come to rest, then every check.
import type { AccountLimit, Committed, ErrorCode, Stores, Write } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import { monthOf, spaceDay } from "../../server/src/kit/index.ts";
import type { InlineStores } from "../../server/src/store/index.ts";
import {
  createFaults,
  createRandom,
  createSimulatedBus,
  createSimulatedPlatform,
  type World,
} from "../../testing/src/simulator/index.ts";
import type { StoreKind } from "../lab/test-store.ts";
import type { Breach } from "./breach.ts";
import { type Counts, check } from "./check.ts";
import { AGENT_ID, type Clients, startClients } from "./clients.ts";
import { type Composition, type CompositionDeps, composeProcess, type Mutation } from "./composition.ts";
import { createHouse, type House } from "./house.ts";
import { readKept } from "./kept.ts";
import { createLiveLog } from "./live.ts";
import { planSchedule, type SchedulePlan } from "./plan.ts";
import { hasOpenWork } from "./rest.ts";
import { openStand } from "./stand.ts";

export interface ScheduleResult {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  readonly counts: Counts;
  readonly strikes: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly logHash: string;
  /** Only with `keepLog`. */
  readonly lines: readonly string[];
  readonly plan: SchedulePlan;
}

export interface Simulator extends AsyncDisposable {
  run(
    seed: number,
    options?: { readonly keepLog?: boolean; readonly mutation?: Mutation },
  ): Promise<ScheduleResult>;
}

/** Faults stop here; what is left has to come to rest by itself. */
const FAULTS_UNTIL_MS = 20_000;
const REST_WITHIN_MS = 10 * 60_000;
const LOOK_EVERY_MS = 2_000;
const NEVER = { signal: new AbortController().signal };

export async function createSimulator(kind: StoreKind = "sqlite"): Promise<Simulator> {
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
  mutation: Mutation | undefined,
): Promise<ScheduleResult> {
  const plan = planSchedule(createRandom(seed).fork("plan"));
  const faults = createFaults(world, plan.faults);
  const bus = createSimulatedBus(world, faults);
  const platform = createSimulatedPlatform(world, faults);
  const outside = { acts: new Map<string, number>() };
  const prompts: CompositionDeps["prompts"][number][] = [];
  const live = createLiveLog();
  let isCalm = plan.faults.strikeEvery === undefined && plan.faults.refuseShare === 0;
  const wasCalm = isCalm;
  isCalm = false;
  const breaches: Breach[] = [];
  const report = (rule: string, what: string): void => void breaches.push({ rule, what });
  const limits = limitsOf(plan, world.utcMs);
  const house = createHouse({
    world,
    faults,
    plan,
    compose: (process) =>
      composeProcess({
        world,
        faults,
        process,
        stores: store.stores,
        commit: (writes) => applyNoting(store, writes, { limits, wasCalm, report }),
        bus,
        platform,
        plan,
        random: world.random.fork(process.name),
        outside,
        prompts,
        live,
        mutation,
        isCalm: () => isCalm,
      }),
  });
  const random = world.random.fork("clients");
  const clients = startClients({
    world,
    random,
    conversations: plan.conversations,
    pick: () => house.pick(random.next()),
  });
  world.after(FAULTS_UNTIL_MS, undefined, "calm", () => {
    isCalm = true;
    faults.end();
  });
  if (!(await comeToRest(world, clients, house, store.stores)))
    report("everything comes to rest", "it did not");
  const kept = await readKept(store.stores, {
    agentId: AGENT_ID,
    readers: [["everybody"], ...plan.conversations.map(({ target }) => [`peer-${target}`])],
  });
  const counts = check(
    {
      kept,
      told: clients.told,
      arrived: platform.arrived,
      rejected: platform.rejected,
      doubted: platform.doubted,
      acts: outside.acts,
      prompts,
      doubledEvents: live.doubled,
      budget: await budgetOf(store, world.utcMs),
      wasCalm: wasCalm && faults.strikes === 0,
      wasQuick: plan.faults.slowShare === 0,
      skewMs: plan.skewMs,
    },
    report,
  );
  const { steps, nowMs: simulatedMs, logHash, lines } = world;
  return { seed, breaches, counts, strikes: faults.strikes, steps, simulatedMs, logHash, lines, plan };
}

/** Guards refuse as they should; a statement that the database itself refuses is a defect, also where a retry hides it. */
function applyNoting(
  store: InlineStores,
  writes: readonly Write<unknown>[],
  {
    limits,
    wasCalm,
    report,
  }: {
    readonly limits: readonly AccountLimit[];
    readonly wasCalm: boolean;
    readonly report: (rule: string, what: string) => void;
  },
): Committed {
  try {
    const committed = store.applySync(writes);
    // A process that was given up may tell late of what it was billed; no reservation may take more all the same.
    if (limits.length > 0 && (wasCalm || writes.some(isReservation))) checkLimits(store, limits, report);
    return committed;
  } catch (error) {
    const isGuard = ["store.conflict", "store.duplicate", "budget.exceeded"].some((code) =>
      TroupeError.is(error, code as ErrorCode),
    );
    if (!isGuard) report("the store takes what it is given", String(error));
    throw error;
  }
}

function isReservation(write: Write<unknown>): boolean {
  return "statement" in write && (write.statement as { readonly name: string }).name === "ledger.reserve";
}

/** Reserving nothing more is refused where an account holds more than its limit. */
function checkLimits(
  { stores, applySync }: InlineStores,
  limits: readonly AccountLimit[],
  report: (rule: string, what: string) => void,
): void {
  for (const limit of limits) {
    try {
      applySync([stores.ledger.reserve({ holder: "the check", microUsd: 0, accounts: [limit] })]);
    } catch (error) {
      if (!TroupeError.is(error, "budget.exceeded")) throw error;
      report("no budget is passed", `${limit.scope} ${limit.subject} holds more than ${limit.limitMicroUsd}`);
    }
  }
}

/** As `budgetRules` has them, of everybody who takes part. */
function limitsOf({ dailyLimitMicroUsd, conversations }: SchedulePlan, at: number): readonly AccountLimit[] {
  if (dailyLimitMicroUsd === undefined) return [];
  const space = spaceDay(DEFAULT_SPACE_ID, at);
  const period = monthOf(at);
  return [
    { ...space, limitMicroUsd: dailyLimitMicroUsd },
    ...conversations.map(({ target }): AccountLimit => {
      const subject = `peer-${target}`;
      return { ...space, scope: "peer", subject, period, limitMicroUsd: dailyLimitMicroUsd - 500 };
    }),
  ];
}

async function budgetOf(store: InlineStores, at: number) {
  const { ledger } = store.stores;
  const read = async () => {
    const [today] = await ledger.accounts([spaceDay(DEFAULT_SPACE_ID, at)], NEVER);
    return { reservedMicroUsd: today?.reservedMicroUsd ?? 0, spentMicroUsd: today?.spentMicroUsd ?? 0 };
  };
  const { reservedMicroUsd, spentMicroUsd } = await read();
  store.applySync([ledger.reconcile(DEFAULT_SPACE_ID)]);
  return { reservedMicroUsd, spentMicroUsd, reservedAfterReconcileMicroUsd: (await read()).reservedMicroUsd };
}

/** Runs until no client waits, every process runs, and nothing in the store is open, twice in a row. */
async function comeToRest(
  world: World,
  clients: Clients,
  house: House<Composition>,
  stores: Stores,
): Promise<boolean> {
  let restful = 0;
  for (let untilMs = LOOK_EVERY_MS; untilMs < REST_WITHIN_MS; untilMs = world.nowMs + LOOK_EVERY_MS) {
    await world.run(() => false, untilMs);
    const isQuiet = clients.areDone && house.isWhole && !(await hasOpenWork(stores));
    restful = isQuiet ? restful + 1 : 0;
    if (restful === 2) return true;
  }
  return false;
}
