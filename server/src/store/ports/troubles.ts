import type { EffectTrouble } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";

/** So many of the last ones are shown. */
const SHOWN = 10;

/** Of a failed attempt, what `troubleOf` joins to the attempt's number. */
export function troubleText(error: string | undefined, at: number): string | undefined {
  return error === undefined ? undefined : `,"at":${at},"error":${JSON.stringify(error)}}`;
}

/** The column `errors` with one more: JSON objects joined by commas, so that appending is concatenation. */
export function troubleOf(trouble: unknown): RawBuilder<string> {
  return sql<string>`CASE WHEN CAST(${trouble} AS TEXT) IS NULL THEN errors
          ELSE coalesce(errors || ',', '') || '{"attempt":' || attempt || CAST(${trouble} AS TEXT) END`;
}

/** What the column `errors` holds; nothing of one that cannot be read. */
export function troublesOf(text: string | null): readonly EffectTrouble[] {
  if (text === null) return [];
  try {
    return (JSON.parse(`[${text}]`) as EffectTrouble[]).slice(-SHOWN);
  } catch {
    return [];
  }
}
