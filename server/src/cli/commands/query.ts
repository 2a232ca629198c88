import { TroupeError } from "@troupe/contracts";

/** `?a=1&b=2` of what is defined. */
export function queryOf(values: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** The page that `--limit` and `--cursor` ask for. Throws `request.invalid`. */
export function pageOf(options: Readonly<Record<string, unknown>>): {
  readonly limit: number;
  readonly cursor: unknown;
} {
  return { limit: limitOf(options), cursor: options.cursor };
}

/** `--limit`, from 1 to 200. Throws `request.invalid`. */
export function limitOf(options: Readonly<Record<string, unknown>>): number {
  const limit = Number(options.limit);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 200) return limit;
  throw new TroupeError("--limit is a whole number from 1 to 200.", { code: "request.invalid" });
}
