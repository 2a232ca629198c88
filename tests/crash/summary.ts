import type { ClusterRound } from "./cluster.ts";
import type { RoundResult } from "./driver.ts";
import type { Breach, Doubt, Judgement } from "./judge.ts";

/** What a round of kills came to, for people. */
export function roundSummary(round: RoundResult): string {
  const { kills, killsInStart, restarts, seconds } = round;
  return [
    `${kills} kills (${killsInStart} during a start)${restarts > 0 ? `, ${restarts} crashes and stops of the database's server` : ""} in ${Math.round(seconds)} s`,
    ...judgementLines(round),
  ].join("\n");
}

/** What faults on many processes came to, for people. */
export function clusterSummary(round: ClusterRound): string {
  const { kills, killsInStart, stops, busRestarts, storeRestarts, failedStarts, cancels, seconds } = round;
  const { jobs, jobRuns } = round;
  return [
    `${sumOf(kills)} kills: ${rolesOf(kills)}, ${killsInStart} of them during a start; in ${Math.round(seconds)} s`,
    `${sumOf(stops)} stops past the lease, and on: ${rolesOf(stops)}`,
    `${busRestarts} restarts of NATS, ${storeRestarts} of PostgreSQL, under which ${failedStarts} starts failed and were tried again`,
    ...judgementLines(round),
    `${cancels} cancels were asked for; ${jobs} jobs kept, ${jobRuns} runs of them`,
  ].join("\n");
}

export function sumOf(byRole: Readonly<Record<string, number>>): number {
  return Object.values(byRole).reduce((sum, count) => sum + count, 0);
}

function rolesOf(byRole: Readonly<Record<string, number>>): string {
  return Object.entries(byRole)
    .map(([role, count]) => `${count} ${role}`)
    .join(", ");
}

function judgementLines({ counts, breaches, unknown }: Judgement): readonly string[] {
  return [
    `${counts.messages} messages, ${counts.acknowledged} acknowledged, ${counts.turns} turns, ${counts.replied} replied, ${counts.dead} replies given up`,
    `${counts.delivered} delivered, ${counts.unknown} unknown, ${counts.effects} effects, ${counts.acts} acts on the world`,
    ...unknown.map(doubtLine),
    tally(breaches),
    ...breaches.map(({ rule, what }) => `  ${rule}: ${what}`),
  ];
}

function doubtLine({ id, target, hasArrived }: Doubt): string {
  return `  unknown ${id} to ${target}: ${hasArrived ? "it arrived" : "it did not arrive"}`;
}

/** Rules by what their breach means to people. */
const MEANINGS: Readonly<Record<string, readonly string[]>> = {
  lost: [
    "no message is lost",
    "no reply is lost",
    "no job is lost",
    "every reply is settled",
    "everything comes to rest",
  ],
  "replies doubled": ["no reply is doubled", "no message is taken twice", "one answer a turn"],
  "effects doubled": [
    "no effect is doubled",
    "transactional tools write once",
    "acts happen at most once",
    "acts happen as told",
    "a job runs once",
  ],
  "out of order": ["order is kept", "effects of a key keep their order"],
  "without their one end": [
    "each message has an end",
    "every turn ends",
    "every message is answered",
    "every effect is handled",
    "every job ends",
    "a run ends as its turn",
    "rows agree with their turn",
  ],
};

export function tally(breaches: readonly Breach[]): string {
  const named = Object.entries(MEANINGS).map(([meaning, rules]) => {
    const count = breaches.filter(({ rule }) => rules.includes(rule)).length;
    return `${count} ${meaning}`;
  });
  const known = Object.values(MEANINGS).flat();
  const others = breaches.filter(({ rule }) => !known.includes(rule)).length;
  return [...named, `${others} other breaches`].join(", ");
}
