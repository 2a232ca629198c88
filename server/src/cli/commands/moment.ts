import { TroupeError } from "@troupe/contracts";

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const AGO = /^(\d{1,6})\s?(s|m|min|h|d|w)$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * A time as people write it: `2h` ago, a day from its beginning, or a day and a time; of the machine's zone, as times are
 * shown. UTC milliseconds. Throws `request.invalid`, naming `option`.
 */
export function momentOf(text: string, option: string, now: number): number {
  const [, number, unit = ""] = AGO.exec(text) ?? [];
  if (number !== undefined) return now - Number(number) * (UNIT_MS[unit] ?? 0);
  const at = DATE.test(text) ? Date.parse(`${text}T00:00`) : TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new TroupeError(
    `${option} "${text}" is no time. Write how long ago, as 30min, 2h or 7d, or a day and time, as 2026-11-20 or 2026-11-20T07:00.`,
    { code: "request.invalid" },
  );
}
