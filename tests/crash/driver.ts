// Starts the real thing, puts load on it, kills it with SIGKILL again and again, and counts afterwards.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { PostgresCluster } from "@troupe/testing";
import { createRandom, type Random } from "../../testing/src/simulator/index.ts";
import { openFarSide } from "./far-side.ts";
import { writeHome } from "./home.ts";
import { comeToRest, type Judgement, judge } from "./judge.ts";
import { createKeyHolder, createMember, type Member } from "./member.ts";
import { startSenders } from "./senders.ts";
import type { Entrance } from "./wire.ts";

export interface RoundResult extends Judgement {
  readonly kills: number;
  /** Kills that fell into a start, before the process took messages. */
  readonly killsInStart: number;
  /** Of the database's server. */
  readonly restarts: number;
  readonly seconds: number;
}

/** Messages that are begun before most kills, on a slow machine too. */
const WORK_BEFORE_KILL = 8;

/** One home, `kills` kills under load, then rest, then every check. */
export async function runRound(options: {
  readonly kills: number;
  readonly seed: number;
  /** The load goes on until so many messages were begun, however slow the machine is. Default 0. */
  readonly leastMessages?: number;
  /** The home stands on a database of this server, which is crashed and restarted too. Default: SQLite in the home. */
  readonly server?: PostgresCluster;
  /** How often the server is crashed or stopped under load. Default 0. */
  readonly restarts?: number;
  readonly log?: (line: string) => void;
}): Promise<RoundResult> {
  const { log = () => {}, leastMessages = 0, server, restarts = 0 } = options;
  const startedMs = performance.now();
  const random = createRandom(options.seed);
  await using far = await openFarSide(random.fork("far"));
  await using database = await server?.create();
  const home = mkdtempSync(join(tmpdir(), "troupe-crash-"));
  const house = createMember({ name: "all", role: "all", home, platformUrl: far.platformUrl });
  try {
    writeHome(home, far, { storeUrl: database?.url });
    const withKey = createKeyHolder();
    const entrance = (): Entrance | undefined => withKey(house.entrance);
    const senders = startSenders({ random: random.fork("senders"), entrance });
    const begun = (): number => senders.told.length;
    const killsInStart = await killAgainAndAgain(house, random, options.kills, begun);
    await mustStart(house);
    for (let done = 0; done < restarts; done++) await crashServer(server, random, begun);
    log(
      `${options.kills} kills, ${killsInStart} of them during a start; ${senders.told.length} messages so far`,
    );
    await mustStart(house);
    while (begun() < leastMessages) await wait(50);
    await senders.finish();
    log("every sender is acknowledged");
    const reading = await comeToRest(entrance);
    log("everything has come to rest");
    const { counts, breaches, unknown } = judge(far, senders.told, reading);
    const falls = house.falls.map(({ what }) => ({ rule: "the process ends by our kills alone", what }));
    return {
      ...{ counts, unknown, breaches: [...breaches, ...falls] },
      kills: options.kills,
      killsInStart,
      restarts,
      seconds: (performance.now() - startedMs) / 1_000,
    };
  } finally {
    await house.kill();
    rmSync(home, { recursive: true, force: true });
  }
}

async function mustStart(house: Member): Promise<void> {
  if (!(await house.start())) throw new Error(house.falls.at(-1)?.what ?? "It did not start.");
}

/** Most kills fall some time after the process took work, some into its start. */
async function killAgainAndAgain(
  house: Member,
  random: Random,
  kills: number,
  begun: () => number,
): Promise<number> {
  let killsInStart = 0;
  for (let done = 0; done < kills; done++) {
    const starting = house.start();
    if (random.chance(0.1)) {
      await Promise.race([starting, wait(random.int(20, 400))]);
      if (!house.isUp) killsInStart += 1;
    } else {
      await starting;
      // Most get some work done: a turn that is cut off too often is given up, which is right and shows little.
      if (random.chance(0.3)) await wait(random.int(1, 60));
      else {
        const before = begun();
        await wait(random.int(150, 900));
        for (let waited = 0; begun() < before + WORK_BEFORE_KILL && waited < 10_000; waited += 25)
          await wait(25);
      }
    }
    await house.kill();
    await starting;
  }
  return killsInStart;
}

/** In the middle of work: commits are under way when the server dies, and some when it is asked to end. */
async function crashServer(
  server: PostgresCluster | undefined,
  random: Random,
  begun: () => number,
): Promise<void> {
  const before = begun();
  for (let waited = 0; begun() < before + WORK_BEFORE_KILL && waited < 10_000; waited += 25) await wait(25);
  await wait(random.int(1, 200));
  await server?.stop(random.chance(0.7) ? "immediate" : "fast");
  await wait(random.int(1, 1_000));
  await server?.start();
}
