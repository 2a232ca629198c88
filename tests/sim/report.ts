// Words for people: what a schedule was, what happened in it, what it broke.
import type { ScheduleResult } from "./schedule.ts";

export function describeFailure({ seed, breaches }: ScheduleResult): string {
  const lines = breaches.map(({ rule, what }) => `  ${rule}: ${what}`);
  return [
    `Seed ${seed} broke ${breaches.length} times. Replay it: npm run sim -- --seed ${seed}`,
    ...lines,
  ].join("\n");
}

/** The whole life of one schedule. Only a result of a run with `keepLog` has the events. */
export function describeSchedule(result: ScheduleResult): string {
  const { seed, plan, lines, counts, strikes, steps, simulatedMs, logHash, breaches } = result;
  const { conversations, faults, ...rest } = plan;
  const talks = conversations.flatMap(({ messages, ...talk }) => [
    `  ${JSON.stringify(talk)}`,
    ...messages.map((message) => `    ${JSON.stringify(message)}`),
  ]);
  return [
    `Seed ${seed}`,
    `  ${JSON.stringify(rest)}`,
    `  faults ${JSON.stringify(faults)}`,
    ...talks,
    "",
    ...lines,
    "",
    `${steps} events in ${(simulatedMs / 1000).toFixed(1)} simulated seconds, ${strikes} strikes, log ${logHash}`,
    JSON.stringify(counts),
    breaches.length === 0 ? "Every rule held." : describeFailure(result),
  ].join("\n");
}
