// Words for people: what a schedule was, what happened in it, what it broke.

import type { BehindPlan } from "./behind/plan.ts";
import type { Breach } from "./breach.ts";
import type { SchedulePlan } from "./plan.ts";

/** What came of one schedule, of either kind. */
export interface Reported {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  readonly counts: object;
  readonly strikes: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly logHash: string;
  /** Only of a run with `keepLog`. */
  readonly lines: readonly string[];
  readonly plan: SchedulePlan | BehindPlan;
}

export function describeFailure({ seed, breaches, plan }: Reported): string {
  const lines = breaches.map(({ rule, what }) => `  ${rule}: ${what}`);
  const behind = isBehind(plan) ? "--behind " : "";
  return [
    `Seed ${seed} broke ${breaches.length} times. Replay it: npm run sim -- ${behind}--seed ${seed}`,
    ...lines,
  ].join("\n");
}

/** The whole life of one schedule. Only a result of a run with `keepLog` has the events. */
export function describeSchedule(result: Reported): string {
  const { seed, plan, lines, counts, strikes, steps, simulatedMs, logHash, breaches } = result;
  return [
    `Seed ${seed}`,
    ...(isBehind(plan) ? describeBehind(plan) : describePlan(plan)),
    "",
    ...lines,
    "",
    `${steps} events in ${(simulatedMs / 1000).toFixed(1)} simulated seconds, ${strikes} strikes, log ${logHash}`,
    JSON.stringify(counts),
    breaches.length === 0 ? "Every rule held." : describeFailure(result),
  ].join("\n");
}

function isBehind(plan: SchedulePlan | BehindPlan): plan is BehindPlan {
  return "flows" in plan;
}

function describePlan({ conversations, faults, ...rest }: SchedulePlan): readonly string[] {
  return [
    ...[`  ${JSON.stringify(rest)}`, `  faults ${JSON.stringify(faults)}`],
    ...conversations.flatMap(({ messages, ...talk }) => [
      `  ${JSON.stringify(talk)}`,
      ...messages.map((message) => `    ${JSON.stringify(message)}`),
    ]),
  ];
}

function describeBehind({ faults, jobs, flows, effects, agents, ...rest }: BehindPlan): readonly string[] {
  const line = (name: string) => (one: unknown) => `  ${name} ${JSON.stringify(one)}`;
  return [
    `  ${JSON.stringify(rest)}`,
    line("faults")(faults),
    ...jobs.map(line("job")),
    ...flows.flows.map(line("flow")),
    ...flows.events.map(line("event")),
    ...effects.map(line("effects")),
    ...agents.talks.map(line("talk")),
    ...[...agents.words].map(line("word")),
  ];
}
