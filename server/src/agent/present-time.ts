import { plural } from "./prompt.ts";

/** Of the time that is told: in one such stretch a conversation is told it once. */
const STRETCH_MS = 5 * 60_000;
const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** A pause that is shorter is nothing to speak of. */
const LEAST_PAUSE_MS = HOUR_MS;
const MOST_HOURS = 48;
const MOST_DAYS = 60;
const DAYS_OF_MONTH = 30.44;
const MOST_MONTHS = 24;
/** Zones whose last line is held; few are ever used. */
const MOST_ZONES = 64;

export interface PresentTime {
  /** IANA zone of whoever the conversation is with. */
  readonly zone: string;
  /** One line for the model; the same for all that comes within five minutes and has no pause before it. */
  readonly text: string;
}

/** Says what time it is for whom a turn answers. Costs a look into a map within one stretch of a zone. */
export type TellTime = (
  peerId: string,
  /** UTC milliseconds of the turn. */
  at: number,
  /** When the message before it was written; undefined where there is none. */
  beforeAt: number | undefined,
) => PresentTime;

/** `zoneOf` gives the IANA zone of a peer, without I/O. */
export function createTellTime(zoneOf: (peerId: string) => string): TellTime {
  const held = new Map<string, { readonly format: Intl.DateTimeFormat; from: number; text: string }>();
  const heldOf = (zone: string) => {
    const known = held.get(zone);
    if (known !== undefined) return known;
    if (held.size >= MOST_ZONES) held.clear();
    const made = { format: formatOf(zone), from: Number.NaN, text: "" };
    held.set(zone, made);
    return made;
  };
  return (peerId, at, beforeAt) => {
    const zone = zoneOf(peerId);
    const last = heldOf(zone);
    const from = at - (at % STRETCH_MS);
    if (last.from !== from) {
      last.from = from;
      last.text = `It is ${momentOf(last.format, from)} (${zone}).`;
    }
    const pauseMs = beforeAt === undefined ? 0 : at - beforeAt;
    if (pauseMs < LEAST_PAUSE_MS) return { zone, text: last.text };
    return { zone, text: `${last.text} The last message before this one came ${durationOf(pauseMs)} ago.` };
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, weekday: "long", day: "numeric", month: "long", year: "numeric" },
    ...{ hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
}

/** `Sunday, 22 November 2026, about 04:45`. */
function momentOf(format: Intl.DateTimeFormat, at: number): string {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  const date = `${of("weekday")}, ${of("day")} ${of("month")} ${of("year")}`;
  return `${date}, about ${of("hour")}:${of("minute")}`;
}

function durationOf(ms: number): string {
  const hours = Math.floor(ms / HOUR_MS);
  if (hours < MOST_HOURS) return plural(hours, "hour");
  const days = Math.floor(ms / DAY_MS);
  if (days < MOST_DAYS) return plural(days, "day");
  const months = Math.floor(days / DAYS_OF_MONTH);
  return months < MOST_MONTHS ? plural(months, "month") : plural(Math.floor(months / 12), "year");
}
