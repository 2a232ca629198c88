import type { InboundRecord, InboundState, InboxStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { InboxTable, TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";

const COLUMNS = [
  "id",
  "space_id",
  "session_id",
  "turn_id",
  "channel",
  "platform_id",
  "request_hash",
  "principal_id",
  "principal_kind",
  "reply_channel",
  "reply_target",
  "state",
  "reason",
  "received_at",
  "accepted_at",
  "ended_at",
] as const satisfies readonly (keyof InboxTable)[];

interface NewRow extends Omit<InboundRecord, "replyTo" | "endedAt"> {
  readonly replyChannel: string | undefined;
  readonly replyTarget: string | undefined;
}

/**
 * A refused message has no turn, cannot be found by its platform's id or its request, and may be accepted when it comes
 * again. Its request is not kept, so that the index of requests does not hang on states, which each turn changes.
 */
export function createInboxStore(deps: PortDeps): InboxStore {
  const { reads } = deps;
  const { accept, refuse, end } = inboxWrites(deps);
  const { byPlatform, byRequest, ofTurn, counts, oldest } = inboxSelects(deps);

  return {
    accept: (record) => write(accept, newRow({ ...record, state: "accepted", reason: undefined })),
    refuse: (record) =>
      write(refuse, newRow({ ...record, state: "refused", turnId: "", requestHash: undefined })),
    end: (turnId, state, at, reason) =>
      write(end, { turnId, state, others: state === "replied" ? "merged" : state, at, reason }),
    async find(by, options) {
      const row =
        "platformId" in by
          ? await reads.row(byPlatform, by, options)
          : await reads.row(byRequest, by, options);
      return row === undefined ? undefined : recordOf(row);
    },
    async ofTurn(turnId, options) {
      return (await reads.rows(ofTurn, { turnId }, options)).map(recordOf);
    },
    async counts(spaceId, options) {
      const rows = await reads.farRows(counts, { spaceId }, options);
      const waiting = await reads.row(oldest, { spaceId }, options);
      const states = Object.fromEntries(
        rows.map(([state, count]) => [state as InboundState, count as number]),
      );
      return { states, oldestAcceptedAt: (waiting?.[0] ?? undefined) as number | undefined };
    },
  };
}

function inboxWrites({ statements }: PortDeps) {
  const insert = (name: string, onConflict: string) =>
    statements.add<NewRow>(
      name,
      { guard: "store.duplicate" },
      (_db, p) => sql`
      INSERT INTO inbox (turn_id, n, id, space_id, session_id, channel, platform_id, request_hash, principal_id,
        principal_kind, reply_channel, reply_target, state, reason, received_at, accepted_at)
      SELECT ${p.turnId}, (SELECT coalesce(max(n) + 1, 0) FROM inbox WHERE turn_id = ${p.turnId}), ${p.id}, ${p.spaceId},
        ${p.sessionId}, ${p.channel}, ${p.platformId}, ${p.requestHash}, ${p.principalId}, ${p.principalKind},
        ${p.replyChannel}, ${p.replyTarget}, ${p.state}, ${p.reason}, ${p.receivedAt}, ${p.acceptedAt}
      WHERE true ${sql.raw(onConflict)}`,
    );
  return {
    accept: insert(
      "inbox.accept",
      "ON CONFLICT (space_id, principal_id, channel, platform_id) WHERE platform_id IS NOT NULL AND state <> 'refused' DO NOTHING",
    ),
    refuse: insert("inbox.refuse", ""),
    end: statements.add<{
      turnId: string;
      state: string;
      others: string;
      at: number;
      reason: string | undefined;
    }>(
      "inbox.end",
      {},
      (_db, p) => sql`
        UPDATE inbox SET state = CASE n WHEN 0 THEN ${p.state} ELSE ${p.others} END, ended_at = ${p.at}, reason = ${p.reason}
        WHERE turn_id = ${p.turnId} AND state = 'accepted'`,
    ),
  };
}

function inboxSelects({ statements }: PortDeps) {
  return {
    byPlatform: statements.add<{ spaceId: string; principalId: string; channel: string; platformId: string }>(
      "inbox.by-platform",
      { returns: "row" },
      (db, p) =>
        db
          .selectFrom("inbox")
          .select(COLUMNS)
          .where("space_id", "=", p.spaceId)
          .where("principal_id", "=", p.principalId)
          .where("channel", "=", p.channel)
          .where("platform_id", "=", p.platformId)
          .where(sql<boolean>`state <> 'refused'`),
    ),
    byRequest: statements.add<{ spaceId: string; principalId: string; requestHash: string; since: number }>(
      "inbox.by-request",
      { returns: "row" },
      (db, p) =>
        db
          .selectFrom("inbox")
          .select(COLUMNS)
          .where("space_id", "=", p.spaceId)
          .where("principal_id", "=", p.principalId)
          .where("request_hash", "=", p.requestHash)
          .where("accepted_at", ">=", p.since)
          .orderBy("accepted_at", "desc")
          .limit(sql.lit(1)),
    ),
    ofTurn: statements.add<{ turnId: string }>("inbox.of-turn", { returns: "rows" }, (db, p) =>
      db.selectFrom("inbox").select(COLUMNS).where("turn_id", "=", p.turnId).orderBy("n"),
    ),
    counts: statements.add<{ spaceId: string }>("inbox.counts", { returns: "rows" }, (db, p) =>
      db
        .selectFrom("inbox")
        .select(["state", (eb) => eb.fn.countAll().as("count")])
        .where("space_id", "=", p.spaceId)
        .groupBy("state"),
    ),
    // By way of the turns that are open, which an index holds already: one of waiting messages would cost each turn two pages.
    oldest: statements.add<{ spaceId: string }>(
      "inbox.oldest",
      { returns: "row" },
      (_db, p) => sql`
        SELECT min(waiting.accepted_at) FROM (SELECT id FROM turns WHERE state IN ('queued', 'running')) open
        JOIN inbox waiting ON waiting.turn_id = open.id
        WHERE waiting.space_id = ${p.spaceId} AND waiting.state = 'accepted'`,
    ),
  };
}

function newRow(record: Omit<InboundRecord, "endedAt">): NewRow {
  const { replyTo, ...rest } = record;
  return { ...rest, replyChannel: replyTo?.channel, replyTarget: replyTo?.target };
}

function recordOf(row: Row): InboundRecord {
  const tuple = row as unknown as TupleOf<InboxTable, typeof COLUMNS>;
  const [id, spaceId, sessionId, turnId, channel, platformId, requestHash, principalId, principalKind] =
    tuple;
  const [, , , , , , , , , replyChannel, replyTarget, state, reason, receivedAt, acceptedAt, endedAt] = tuple;
  return {
    id,
    spaceId,
    sessionId,
    turnId,
    channel,
    platformId: platformId ?? undefined,
    requestHash: requestHash ?? undefined,
    principalId,
    principalKind: principalKind as InboundRecord["principalKind"],
    replyTo:
      replyChannel === null || replyTarget === null
        ? undefined
        : { channel: replyChannel, target: replyTarget },
    state: state as InboundState,
    reason: reason ?? undefined,
    receivedAt,
    acceptedAt,
    endedAt: endedAt ?? undefined,
  };
}
