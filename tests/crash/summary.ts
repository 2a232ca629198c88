import type { RoundResult } from "./driver.ts";

/** What a round of kills came to, for people. */
export function roundSummary({
  kills,
  killsInStart,
  restarts,
  counts,
  unknown,
  breaches,
  seconds,
}: RoundResult): string {
  const lines = [
    `${kills} kills (${killsInStart} during a start)${restarts > 0 ? `, ${restarts} crashes and stops of the database's server` : ""} in ${Math.round(seconds)} s`,
    `${counts.messages} messages, ${counts.acknowledged} acknowledged, ${counts.turns} turns, ${counts.replied} replied`,
    `${counts.delivered} delivered, ${counts.unknown} unknown, ${counts.effects} effects, ${counts.acts} acts on the world`,
    ...unknown.map(
      ({ id, target, hasArrived }) =>
        `  unknown ${id} to ${target}: ${hasArrived ? "it arrived" : "it did not arrive"}`,
    ),
    breaches.length === 0
      ? "0 lost, 0 replies doubled, 0 effects doubled, order kept, one end for every message"
      : `${breaches.length} breaches:`,
    ...breaches.map(({ rule, what }) => `  ${rule}: ${what}`),
  ];
  return lines.join("\n");
}
