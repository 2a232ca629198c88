import type { HistoryQuery, SessionStore } from "@troupe/contracts";
import { sql } from "kysely";
import type { Row } from "../statement.ts";
import type { PortDeps } from "./kit.ts";
import { MESSAGE_COLUMNS, messageOf } from "./messages.ts";

type HistoryInput = HistoryQuery & { readonly rows: number };

/** What a prompt shows of a session: the newest turns that fit, whole ones. */
export function historyRead(deps: PortDeps): SessionStore["history"] {
  const { reads } = deps;
  const selects = historySelects(deps);
  return async (query, options) => {
    const input = { ...query, rows: query.maxMessages + 1 };
    const within = await reads.farRows(selects.history, input, options);
    const rows = within.length > 0 ? within : await reads.farRows(selects.cutHistory, input, options);
    return wholeTurns(rows, query)
      .map((row) => messageOf(deps, row))
      .filter((message) => message !== undefined)
      .reverse();
  };
}

function historySelects({ statements }: PortDeps) {
  const columns = sql.join(MESSAGE_COLUMNS.map((column) => sql.ref(column)));
  const newestOf = (p: HistoryInput) => sql`FROM messages
          WHERE session_id = ${p.sessionId} AND turn_seq < ${p.beforeTurnSeq} AND role <> 'notice'
          ORDER BY turn_seq DESC, seq DESC LIMIT ${p.rows}`;
  return {
    // Nothing where the bytes do not fit: a running sum over the rows would cost three times what the rows do.
    history: statements.add<HistoryInput>(
      "message.history",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM (SELECT * ${newestOf(p)}) AS newest
      WHERE (SELECT sum(octet_length(parts)) FROM (SELECT parts ${newestOf(p)}) AS sized) <= ${p.maxBytes}
      ORDER BY turn_seq DESC, seq DESC`,
    ),
    // The row that passes a bound is given too: it tells whether the oldest turn is whole.
    cutHistory: statements.add<HistoryInput>(
      "message.cut-history",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns}, bytes FROM (
        SELECT *, sum(octet_length(parts)) OVER (ORDER BY turn_seq DESC, seq DESC) AS bytes
        FROM (SELECT * ${newestOf(p)}) AS newest
      ) AS sized WHERE bytes - octet_length(parts) <= ${p.maxBytes}`,
    ),
  };
}

/** Rows come newest first, with their running size last where it matters. A turn that does not fit whole is left out with all before it. */
function wholeTurns(rows: readonly Row[], query: HistoryQuery): readonly Row[] {
  const over = rows.findIndex(
    (row, i) => i >= query.maxMessages || (row[MESSAGE_COLUMNS.length] as number) > query.maxBytes,
  );
  if (over < 0) return rows;
  const cutTurn = rows[over]?.[5];
  return rows.slice(0, over).filter((row) => row[5] !== cutTurn);
}
