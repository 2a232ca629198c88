import type { CallOptions, SearchStore, UnitOfWork } from "@troupe/contracts";
import { sql } from "kysely";
import { write } from "../statement.ts";
import { WORDS_VERSION } from "../words.ts";
import type { PortDeps } from "./kit.ts";

/** The version that the index is being brought to stands with a minus until all of it is. */
const BEING_MADE = -WORDS_VERSION;

/**
 * Indexes what is new, and where nothing more is, makes a stretch anew of an index whose words an older version made, until none is left:
 * a large one takes minutes, holds nobody up, and what is not made anew yet is found by the words that it has.
 */
export function createWordsRenewal(
  { statements, reads }: PortDeps,
  unit: UnitOfWork,
  { indexNew, renew }: Pick<SearchStore, "indexNew" | "renew">,
): SearchStore["indexNew"] {
  const version = statements.add<object>(
    "search.version",
    { returns: "row" },
    () => sql`SELECT "row" FROM search_cursor WHERE name = 'words'`,
  );
  // Where nothing was indexed yet there is nothing to make anew; memories beside an empty index have words of this version.
  const begin = statements.add<object>(
    "search.begin-version",
    {},
    () => sql`
    INSERT INTO search_cursor (name, "row")
    SELECT 'words', CASE WHEN EXISTS (SELECT 1 FROM search_cursor WHERE name IN ('messages', 'words'))
      THEN ${sql.lit(BEING_MADE)} ELSE ${sql.lit(WORDS_VERSION)} END
    WHERE true ON CONFLICT (name) DO UPDATE SET "row" = excluded."row"
    WHERE search_cursor."row" NOT IN (${sql.lit(WORDS_VERSION)}, ${sql.lit(BEING_MADE)})`,
  );
  // How far an earlier renewal came says nothing of this one.
  const forgetMarks = statements.add<object>(
    "search.forget-renewal",
    {},
    () => sql`
    DELETE FROM search_cursor WHERE name IN ('renewal/messages', 'renewal/memories')
      AND NOT EXISTS (SELECT 1 FROM search_cursor WHERE name = 'words' AND "row" IN (${sql.lit(WORDS_VERSION)}, ${sql.lit(BEING_MADE)}))`,
  );
  const end = statements.add<object>(
    "search.keep-version",
    {},
    () => sql`
    UPDATE search_cursor SET "row" = ${sql.lit(WORDS_VERSION)} WHERE name = 'words' AND "row" = ${sql.lit(BEING_MADE)}`,
  );
  const versionNow = async (options: CallOptions): Promise<number> =>
    Number((await reads.row(version, {}, options))?.[0] ?? 0);
  const hasToBeMade = async (options: CallOptions): Promise<boolean> => {
    const known = await versionNow(options);
    if (known === WORDS_VERSION || known === BEING_MADE) return known === BEING_MADE;
    await unit.commit([write(forgetMarks, {}), write(begin, {})], options);
    return (await versionNow(options)) === BEING_MADE;
  };
  let isToBeMade: boolean | undefined;

  return async (limit, options) => {
    isToBeMade ??= await hasToBeMade(options);
    const count = await indexNew(limit, options);
    if (!isToBeMade || count >= limit) return count;
    // Another process may have come to the end meanwhile.
    const goesOn = (await versionNow(options)) === BEING_MADE;
    if (goesOn && (await renew(limit - count, options)).isMore) return limit;
    await unit.commit([write(end, {})], options);
    isToBeMade = false;
    return count;
  };
}
