import type { Tool } from "@troupe/contracts";
import { languageOf, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

/** Regions of the IANA database, so that a city is enough. */
const REGIONS = [
  "Europe",
  "America",
  "Asia",
  "Africa",
  "Australia",
  "Pacific",
  "Atlantic",
  "Indian",
  "America/Argentina",
];
const MAX_FORMATTERS = 64;

/** Tells date and time in a zone, `defaultZone` (IANA) where none is asked for. */
export function timeTool({ defaultZone }: { readonly defaultZone: () => string }): Tool {
  // Making one costs more than the whole call otherwise does; few zones are ever asked for.
  const formatters = new Map<string, { readonly date: Intl.DateTimeFormat; readonly zone: string }>();
  const formatterOf = (asked: string, tag: string) => {
    const key = `${tag}|${asked.toLowerCase()}`;
    const known = formatters.get(key);
    if (known !== undefined) return known;
    const zone = zoneOf(asked);
    if (zone === undefined) return undefined;
    const locale = languageOf(tag) === "uk" ? "uk-UA" : "en-GB";
    const made = {
      zone,
      date: new Intl.DateTimeFormat(locale, {
        timeZone: zone,
        weekday: "long",
        day: "numeric",
        month: "long",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
        hourCycle: "h23",
        timeZoneName: "longOffset",
      }),
    };
    if (formatters.size >= MAX_FORMATTERS) formatters.clear();
    formatters.set(key, made);
    return made;
  };

  return {
    spec: {
      name: "time",
      description:
        "Tells the present date and time, in a given time zone or the default one. Use it whenever the answer depends on now.",
      kind: "pure",
      inputSchema: objectOf({
        timeZone: {
          type: "string",
          maxLength: 80,
          description: "IANA time zone such as Europe/Kyiv, or a city. Leave out for the default zone.",
        },
      }),
    },
    async run(input, { now, language }) {
      const { timeZone = "" } = input as { timeZone?: string };
      const asked = timeZone.trim() === "" ? defaultZone() : timeZone.trim();
      const formatter = formatterOf(asked, language);
      if (formatter === undefined)
        return { text: tell(language, "time.unknownZone", { zone: asked }), isError: true };
      return { text: tell(language, "time.now", partsOf(formatter.date, formatter.zone, now)) };
    },
  };
}

function partsOf(formatter: Intl.DateTimeFormat, zone: string, now: number): Record<string, string> {
  const parts = new Map(formatter.formatToParts(now).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  // "GMT+02:00"; plain "GMT" is UTC itself.
  const offset = of("timeZoneName").replace("GMT", "UTC");
  return {
    date: `${of("weekday")}, ${of("day")} ${of("month")} ${of("year")}`,
    time: `${of("hour")}:${of("minute")}`,
    place: zone === "UTC" ? zone : `${zone}, ${offset}`,
  };
}

/** The IANA name of a zone as people write it: `europe/kyiv`, `Kyiv`, `New York`, `UTC`. */
function zoneOf(asked: string): string | undefined {
  const name = asked.replace(/\s+/g, "_");
  const candidates = [name, ...REGIONS.map((region) => `${region}/${name}`)];
  return candidates.map(canonicalZone).find((zone) => zone !== undefined);
}

function canonicalZone(name: string): string | undefined {
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    // ICU answers with names that the database has since replaced; what was asked for is as right and better known.
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : titled(name);
  } catch {
    return undefined;
  }
}

function titled(name: string): string {
  return name.replace(
    /(^|[/_-])(\p{L})/gu,
    (_whole, before: string, letter: string) => before + letter.toUpperCase(),
  );
}
