// People who ask for things at a time: jobs of one run, some of which wait for the one before.
import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { Kept } from "../sim/kept.ts";
import type { Breach } from "./judge.ts";
import type { Entrance, JobWish, KeptJob } from "./wire.ts";

export interface Planners {
  /** Jobs that were acknowledged. */
  readonly kept: readonly string[];
  /** No new jobs; resolves when every one that was begun is acknowledged. */
  finish(): Promise<void>;
}

const PLANNERS = 2;
const PATIENCE_MS = 4_000;
/** Above the numbers of messages, so that a token stands for one thing. */
const FIRST_TOKEN = 1_000_000;

export function startPlanners(deps: {
  readonly random: Random;
  readonly entrance: () => Entrance | undefined;
}): Planners {
  const { random, entrance } = deps;
  const kept: string[] = [];
  let made = 0;
  let isFinishing = false;
  const ask = async (wish: JobWish): Promise<void> => {
    while (!(await create(entrance(), wish))) await wait(random.int(5, 60));
    kept.push(wish.id);
  };
  const plan = async (planner: number): Promise<void> => {
    let before: string | undefined;
    while (!isFinishing) {
      const number = made++;
      const id = `job${number}`;
      const text = `m${FIRST_TOKEN + number}${random.pick(["", " +note", " +act"])}`;
      const needs = before !== undefined && random.chance(0.3) ? { dependsOn: [before] } : {};
      const target = { channel: random.pick(["keyed", "verifiable"]), target: `plans${planner}` };
      const input = {
        text,
        title: id,
        inSeconds: random.int(1, 6),
        deliverTo: target,
        allowSimilar: true,
        ...needs,
      };
      await ask({ id, ownerId: `planner-${planner}`, input });
      before = id;
      await wait(random.int(300, 1_500));
    }
  };
  const planning = Array.from({ length: PLANNERS }, (_, planner) => plan(planner));
  return {
    kept,
    async finish() {
      isFinishing = true;
      await Promise.all(planning);
    },
  };
}

/** Whether it was acknowledged. */
async function create(entrance: Entrance | undefined, wish: JobWish): Promise<boolean> {
  if (entrance === undefined) return false;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    return (await fetch(entrance.doorUrl, { method: "POST", body: JSON.stringify(wish), signal })).ok;
  } catch {
    return false;
  }
}

/**
 * Each job that was acknowledged ran once, as one turn, and ended as that did. One whose turn was given up because its processes
 * were killed time and again runs once more later, as it should: all of its runs but the last are such.
 */
export function judgeJobs(
  acknowledged: readonly string[],
  jobs: readonly KeptJob[],
  { turns }: Kept,
): { readonly runs: number; readonly breaches: readonly Breach[] } {
  const breaches: Breach[] = [];
  const report = (rule: string, what: string): void => void breaches.push({ rule, what });
  const known = new Map(jobs.map((job) => [job.id, job]));
  for (const id of acknowledged) if (!known.has(id)) report("no job is lost", `${id} was acknowledged`);
  for (const { id, state, runs } of jobs) {
    if (state !== "completed" && state !== "failed") report("every job ends", `${id} is ${state}`);
    if (runs.length === 0) report("a job runs once", `${id} has no run`);
    // The newest is the first.
    for (const [at, run] of runs.entries()) {
      const mine = turns.filter(({ inbound }) => inbound.some(({ platformId }) => platformId === run.id));
      const ends = mine.map(({ turn }) => turn.state);
      if (mine.length !== 1) report("a job runs once", `${run.id} has ${mine.length} turns`);
      else if (run.turnId !== mine[0]?.turn.id)
        report("a run names its turn", `${run.id} names ${run.turnId}`);
      else if ((run.state === "succeeded") !== (ends[0] === "replied"))
        report("a run ends as its turn", `${run.id} is ${run.state}, its turn ${ends[0]}`);
      else if (at > 0 && ends[0] !== "dead")
        report("a job runs once", `${id} has ${runs.length} runs; the turn of ${run.id} is ${ends[0]}`);
    }
  }
  return { runs: jobs.reduce((sum, { runs }) => sum + runs.length, 0), breaches };
}
