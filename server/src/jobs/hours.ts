import type { ClockSpan } from "@troupe/contracts";
import { atOf, timeIn } from "./schedule.ts";

const DAY_MS = 86_400_000;

/** When the hours end that this moment falls into, UTC milliseconds; undefined outside of them. */
export function hoursEndAt({ from, to }: ClockSpan, zone: string, at: number): number | undefined {
  const { local } = timeIn(zone, at);
  const [date, time] = [local.slice(0, 10), local.slice(11, 16)];
  const [begin, end] = [padded(from), padded(to)];
  const isOverMidnight = begin > end;
  const isInside = isOverMidnight ? time >= begin || time < end : time >= begin && time < end;
  if (!isInside) return undefined;
  const endsTomorrow = isOverMidnight && time >= begin;
  const lastDay = Date.parse(`${date}T00:00:00Z`) + (endsTomorrow ? DAY_MS : 0);
  const endAt = atOf(`${new Date(lastDay).toISOString().slice(0, 10)} ${end}`, zone);
  // Where the clocks are put back, the end has been there before.
  return endAt === undefined || endAt <= at ? undefined : endAt;
}

/** `7:00` as `07:00`, so that times compare as texts. */
function padded(time: string): string {
  return time.padStart(5, "0");
}
