import {
  type Audience,
  type Lane,
  type Logger,
  type Page,
  type PageQuery,
  TroupeError,
} from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { keptName } from "../../kit/index.ts";
import type { Dialect } from "../dialect.ts";
import type { Reads } from "../reads.ts";
import type { Statements } from "../statement.ts";
import { PAYLOAD_VERSION } from "../tables.ts";

/** What every port is made from, whatever the database. */
export interface PortDeps {
  readonly dialect: Dialect;
  readonly statements: Statements;
  readonly reads: Reads;
  readonly logger: Logger;
}

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

export function pageLimit(query: PageQuery): number {
  return Math.min(Math.max(Math.trunc(query.limit ?? DEFAULT_PAGE), 1), MAX_PAGE);
}

/** A cursor that is one whole number. */
export function numberCursor(query: PageQuery): number | undefined {
  if (query.cursor === undefined) return undefined;
  const number = Number(query.cursor);
  if (!Number.isSafeInteger(number)) throw badCursor(query.cursor);
  return number;
}

export function badCursor(cursor: string): TroupeError {
  return new TroupeError(
    `"${cursor}" is not a page cursor. Use the one that the previous page gave, or none.`,
    { code: "request.invalid" },
  );
}

/** Cuts the extra row that was asked for to learn whether another page follows. */
export function pageOf<Item, Raw>(
  rows: readonly Raw[],
  limit: number,
  decode: (row: Raw) => Item | undefined,
  cursorOf: (row: Raw) => string,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const items = shown.map(decode).filter((item) => item !== undefined);
  const last = shown.at(-1);
  return rows.length > limit && last !== undefined ? { items, next: cursorOf(last) } : { items };
}

/**
 * When work is due that nobody delays: at once by the store's clock, which says what is due, though that of the process which
 * writes it goes ahead of it by minutes. Work with a time of its own keeps it, and what waits for no time has none.
 */
export function dueByStore(
  dialect: Dialect,
  p: { readonly dueAt: unknown; readonly at: unknown },
): RawBuilder<number> {
  const dueAt = sql`CAST(${p.dueAt} AS BIGINT)`;
  return sql`CASE WHEN ${dueAt} > CAST(${p.at} AS BIGINT) THEN ${dueAt}
    WHEN ${dueAt} IS NOT NULL THEN ${dialect.least(dueAt, sql`(SELECT now_ms())`)} END`;
}

/** Their places are the numbers that rows hold. */
export const LANES: readonly Lane[] = ["realtime", "background", "heavy"];

export function laneNumber(lane: Lane): number {
  return LANES.indexOf(lane);
}

export function laneOf(number: number): Lane {
  return LANES[number] ?? "background";
}

/** Names as JSON that every database reads. */
export function namesText(names: readonly string[]): string {
  return JSON.stringify(names.map(keptName));
}

export function parseAudience(text: string): Audience {
  return JSON.parse(text) as Audience;
}

/** A stored payload, or undefined (and a line in the log) when a newer version wrote it or it cannot be read. */
export function parsePayload<T>(
  deps: PortDeps,
  row: { readonly what: string; readonly id: string; readonly v: number; readonly text: string },
): T | undefined {
  if (row.v <= PAYLOAD_VERSION) {
    try {
      return JSON.parse(row.text) as T;
    } catch (error) {
      deps.logger.error("store.payload-unreadable", { what: row.what, id: row.id, error });
      return undefined;
    }
  }
  deps.logger.warn("store.payload-newer", { what: row.what, id: row.id, v: row.v });
  return undefined;
}

/**
 * The space of rows that are found by their ids. Written so that no planner takes an index of spaces for it: SQLite, which
 * knows no counts, holds a space for smaller than a list of ids.
 */
export function alsoOfSpace(column: string, spaceId: unknown): RawBuilder<boolean> {
  return sql`coalesce(${sql.ref(column)}, '') = ${spaceId}`;
}

/** True for an audience (JSON) that holds all of `readers` (JSON). */
export function knownToAll(
  { texts }: Dialect,
  readers: unknown,
  audience: RawBuilder<unknown>,
): RawBuilder<boolean> {
  // Mostly they are the very same, which costs a tenth.
  return sql<boolean>`(${audience} = ${readers} OR NOT EXISTS (SELECT reader.value FROM ${texts(readers, "reader")}
          WHERE reader.value NOT IN (SELECT knower.value FROM ${texts(audience, "knower")})))`;
}

/**
 * That whoever asks may take from others what they seem to have left: its own lease has not ended. When the store's clock leaps all
 * leases end at once, and processes that live would take each other's work in turn until its attempts are used up.
 */
export function mayTakeOver(owner: unknown): RawBuilder<boolean> {
  return sql<boolean>`NOT EXISTS (SELECT 1 FROM processes me WHERE me.id = ${owner} AND me.lease_until <= (SELECT now_ms()))`;
}

/** True for an owner whose lease has ended, or of whom nothing is known. */
export function hasNoLease(owner: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`${owner} NOT IN (SELECT id FROM processes WHERE lease_until > (SELECT now_ms()))`;
}
