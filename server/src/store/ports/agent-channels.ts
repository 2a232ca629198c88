import type {
  AgentChannel,
  AgentChannelStore,
  AgentMessage,
  AgentMessageKind,
  AgentMessageOrigin,
  NewAgentMessage,
} from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import type { AgentChannelTable, AgentMessageTable } from "../agent-tables.ts";
import { type Row, type Statement, write } from "../statement.ts";
import { PAYLOAD_VERSION, type TupleOf } from "../tables.ts";
import {
  badCursor,
  numberCursor,
  type PortDeps,
  pageLimit,
  pageOf,
  parseAudience,
  parsePayload,
} from "./kit.ts";

const CHANNEL = [
  "id",
  "space_id",
  "kind",
  "name",
  "creator",
  "owner_id",
  "peer_id",
  "audience",
  "last_seq",
  "created_at",
] as const satisfies readonly (keyof AgentChannelTable)[];

const MESSAGE = [
  "row",
  "id",
  "space_id",
  "channel_id",
  "seq",
  "kind",
  "from_agent",
  "text",
  "v",
  "payload",
  "created_at",
] as const satisfies readonly (keyof AgentMessageTable)[];

interface MessagePayload {
  readonly mentions: readonly string[];
  readonly correlationId?: string;
  readonly origin: AgentMessageOrigin;
}

const columns = (names: readonly string[], of = ""): RawBuilder<unknown> =>
  sql.join(names.map((name) => sql.ref(`${of}${name}`)));

/** The cursor is before the first message that waits or is at work, else at the newest. Repeating is harmless. */
export function passStatement(
  { statements, dialect }: PortDeps,
  after: "posted" | "ended",
): Statement<{ readonly channelId: string }> {
  return statements.add<{ readonly channelId: string }>(
    `agent-channel.pass-${after}`,
    {},
    (_db, p) => sql`
    UPDATE agent_members SET processed_seq = ${dialect.greatest(
      sql`processed_seq`,
      sql`coalesce(
      (SELECT min(d.seq) - 1 FROM agent_deliveries d WHERE d.channel_id = agent_members.channel_id
        AND d.to_agent = agent_members.agent_id AND d.state IN ('waiting', 'activated')),
      (SELECT c.last_seq FROM agent_channels c WHERE c.id = agent_members.channel_id))`,
    )}
    WHERE channel_id = ${p.channelId} AND left_at IS NULL`,
  );
}

export function createAgentChannelStore(deps: PortDeps): AgentChannelStore {
  return { ...channelWrites(deps), ...channelReads(deps) };
}

type WriteNames = "open" | "post" | "see" | "leave";

type PostedMessage = Omit<NewAgentMessage, "mentions" | "origin" | "correlationId"> & {
  readonly payload: string;
};

interface PostedDelivery {
  readonly messageId: string;
  readonly to: string;
  readonly gatherId: string | undefined;
  readonly originTurnId: string;
  readonly rootTurnId: string;
}

function channelWrites(deps: PortDeps): Pick<AgentChannelStore, WriteNames> {
  const { open, admit, bump, put, deliver, see, leave } = writeStatements(deps);
  const pass = passStatement(deps, "posted");
  return {
    open: (channel, members) =>
      write(
        open,
        { ...channel, audience: JSON.stringify(channel.audience) },
        members.map((agentId) => write(admit, { channelId: channel.id, agentId, at: channel.createdAt })),
      ),
    post(message, activates) {
      const { mentions, origin, correlationId, ...rest } = message;
      const payload: MessagePayload = {
        mentions,
        origin,
        ...(correlationId === undefined ? {} : { correlationId }),
      };
      const about = {
        messageId: message.id,
        originTurnId: origin.turnId,
        rootTurnId: origin.rootTurnId,
      };
      return write(bump, { id: message.id, channelId: message.channelId }, [
        write(put, { ...rest, payload: JSON.stringify(payload) }),
        ...activates.map(({ to, gatherId }) => write(deliver, { ...about, to, gatherId })),
        write(pass, { channelId: message.channelId }),
      ]);
    },
    see: (member) => write(see, member),
    leave: (member) => write(leave, member),
  };
}

function writeStatements({ statements, dialect }: PortDeps) {
  return {
    open: statements.add<Omit<AgentChannel, "lastSeq" | "audience"> & { readonly audience: string }>(
      "agent-channel.open",
      {},
      (_db, p) => sql`
      INSERT INTO agent_channels (id, space_id, kind, name, creator, owner_id, peer_id, audience, last_seq, created_at)
      VALUES (${p.id}, ${p.spaceId}, ${p.kind}, ${p.name}, ${p.creator}, ${p.ownerId}, ${p.peerId}, ${p.audience}, 0, ${p.createdAt})
      ON CONFLICT (id) DO NOTHING`,
    ),
    admit: statements.add<{ readonly channelId: string; readonly agentId: string; readonly at: number }>(
      "agent-channel.admit",
      {},
      (_db, p) => sql`
      INSERT INTO agent_members (channel_id, agent_id, seen_seq, processed_seq, joined_at)
      VALUES (${p.channelId}, ${p.agentId}, 0, 0, ${p.at}) ON CONFLICT (channel_id, agent_id) DO NOTHING`,
    ),
    bump: statements.add<{ readonly id: string; readonly channelId: string }>(
      "agent-message.number",
      {},
      (_db, p) => sql`
      UPDATE agent_channels SET last_seq = last_seq + 1
      WHERE id = ${p.channelId} AND NOT EXISTS (SELECT 1 FROM agent_messages m WHERE m.id = ${p.id})`,
    ),
    put: statements.add<PostedMessage>(
      "agent-message.put",
      {},
      (_db, p) => sql`
      INSERT INTO agent_messages (id, space_id, channel_id, seq, kind, from_agent, text, v, payload, created_at)
      SELECT CAST(${p.id} AS TEXT), c.space_id, c.id, c.last_seq, CAST(${p.kind} AS TEXT), CAST(${p.from} AS TEXT),
        CAST(${p.text} AS TEXT), ${sql.lit(PAYLOAD_VERSION)}, CAST(${p.payload} AS TEXT), CAST(${p.createdAt} AS BIGINT)
      FROM agent_channels c WHERE c.id = ${p.channelId} AND c.space_id = ${p.spaceId}
      ON CONFLICT (id) DO NOTHING`,
    ),
    deliver: statements.add<PostedDelivery>(
      "agent-delivery.put",
      {},
      (_db, p) => sql`
      INSERT INTO agent_deliveries (message_id, to_agent, from_agent, space_id, channel_id, seq, kind, state, attempts, alone,
        gather_id, reason, origin_turn_id, root_turn_id, created_at, ended_at)
      SELECT m.id, CAST(${p.to} AS TEXT), m.from_agent, m.space_id, m.channel_id, m.seq, m.kind,
        CASE WHEN s.at IS NULL THEN 'waiting' ELSE 'cancelled' END, 0, 0, CAST(${p.gatherId} AS TEXT), s.reason,
        CAST(${p.originTurnId} AS TEXT), CAST(${p.rootTurnId} AS TEXT), m.created_at, s.at
      FROM agent_messages m LEFT JOIN agent_stops s ON s.root_turn_id = (SELECT min(known.root_turn_id) FROM agent_stops known
        WHERE known.root_turn_id IN (${p.rootTurnId}, ${p.originTurnId}))
      WHERE m.id = ${p.messageId}
      ON CONFLICT (message_id, to_agent) DO NOTHING`,
    ),
    see: statements.add<Parameters<AgentChannelStore["see"]>[0]>(
      "agent-channel.see",
      {},
      (_db, p) => sql`
      UPDATE agent_members SET seen_seq = ${dialect.greatest(sql`seen_seq`, sql`CAST(${p.seq} AS BIGINT)`)}
      WHERE channel_id = ${p.channelId} AND agent_id = ${p.agentId}`,
    ),
    leave: statements.add<Parameters<AgentChannelStore["leave"]>[0]>(
      "agent-channel.leave",
      {},
      (_db, p) => sql`
      UPDATE agent_members SET left_at = ${p.at}
      WHERE channel_id = ${p.channelId} AND agent_id = ${p.agentId} AND left_at IS NULL`,
    ),
  };
}

function channelReads(deps: PortDeps): Omit<AgentChannelStore, WriteNames> {
  const { reads } = deps;
  const { get, members, list, listOf, listOwn, message, messages } = readStatements(deps);
  return {
    async get(channelId, options) {
      const row = await reads.row(get, { channelId }, options);
      return row === undefined ? undefined : channelOf(row);
    },
    async members(channelId, options) {
      const rows = await reads.rows(members, { channelId }, options);
      return rows.map(([agentId, seenSeq, processedSeq]) => ({
        agentId: String(agentId),
        seenSeq: Number(seenSeq),
        processedSeq: Number(processedSeq),
      }));
    },
    async list(query, options) {
      const limit = pageLimit(query);
      const { spaceId, agentId, ownerId, peerId } = query;
      const [beforeAt, beforeId] = cursorOf(query.cursor);
      const common = { spaceId, ownerId, peerId, beforeAt, beforeId, limit: limit + 1 };
      const isOwn = ownerId !== undefined && peerId !== undefined;
      const rows = await (agentId === undefined
        ? reads.farRows(list, common, options)
        : reads.farRows(isOwn ? listOwn : listOf, { ...common, agentId }, options));
      return pageOf(rows, limit, channelOf, (row) => `${row[9]}.${row[0]}`);
    },
    async message(messageId, options) {
      const row = await reads.row(message, { messageId }, options);
      return row === undefined ? undefined : messageOf(deps, row);
    },
    async messages(query, options) {
      const limit = pageLimit(query);
      const { channelId } = query;
      const input = { channelId, before: numberCursor(query), limit: limit + 1 };
      const rows = await reads.farRows(messages, input, options);
      return pageOf(
        rows,
        limit,
        (row) => messageOf(deps, row),
        (row) => String(row[4]),
      );
    },
  };
}

interface ListInput {
  readonly spaceId: string;
  readonly ownerId: string | undefined;
  readonly peerId: string | undefined;
  readonly beforeAt: number | undefined;
  readonly beforeId: string | undefined;
  readonly limit: number;
}

function readStatements({ statements }: PortDeps) {
  const whose = (p: Required<ListInput>): RawBuilder<unknown> => sql`
      AND (CAST(${p.ownerId} AS TEXT) IS NULL OR c.owner_id = ${p.ownerId})
      AND (CAST(${p.peerId} AS TEXT) IS NULL OR c.peer_id = ${p.peerId})`;
  const isMember = (agentId: string): RawBuilder<unknown> => sql`
      AND EXISTS (SELECT 1 FROM agent_members m WHERE m.channel_id = c.id AND m.agent_id = ${agentId} AND m.left_at IS NULL)`;
  const page = (p: Required<ListInput>): RawBuilder<unknown> => sql`
      AND (CAST(${p.beforeAt} AS BIGINT) IS NULL OR c.created_at < ${p.beforeAt}
        OR (c.created_at = ${p.beforeAt} AND c.id < ${p.beforeId}))
      ORDER BY c.created_at DESC, c.id DESC LIMIT ${p.limit}`;
  return {
    get: statements.add<{ readonly channelId: string }>("agent-channel.get", { returns: "row" }, (db, p) =>
      db.selectFrom("agent_channels").select(CHANNEL).where("id", "=", p.channelId),
    ),
    members: statements.add<{ readonly channelId: string }>(
      "agent-channel.members",
      { returns: "rows" },
      (db, p) =>
        db
          .selectFrom("agent_members")
          .select(["agent_id", "seen_seq", "processed_seq"])
          .where("channel_id", "=", p.channelId)
          .where("left_at", "is", null)
          .orderBy("agent_id"),
    ),
    list: statements.add<ListInput>(
      "agent-channel.list",
      { returns: "rows" },
      (_db, p) =>
        sql`SELECT ${columns(CHANNEL, "c.")} FROM agent_channels c WHERE c.space_id = ${p.spaceId}
      ${whose(p as Required<ListInput>)} ${page(p as Required<ListInput>)}`,
    ),
    listOf: statements.add<ListInput & { readonly agentId: string }>(
      "agent-channel.list-of",
      { returns: "rows" },
      (_db, p) => sql`SELECT ${columns(CHANNEL, "c.")} FROM agent_channels c WHERE c.space_id = ${p.spaceId}
      ${isMember(p.agentId)} ${whose(p as Required<ListInput>)} ${page(p as Required<ListInput>)}`,
    ),
    listOwn: statements.add<ListInput & { readonly agentId: string }>(
      "agent-channel.list-own",
      { returns: "rows" },
      (_db, p) => sql`SELECT ${columns(CHANNEL, "c.")} FROM agent_channels c
      WHERE c.space_id = ${p.spaceId} AND c.owner_id = ${p.ownerId} AND c.peer_id = ${p.peerId}
      ${isMember(p.agentId)} ${page(p as Required<ListInput>)}`,
    ),
    message: statements.add<{ readonly messageId: string }>(
      "agent-message.get",
      { returns: "row" },
      (db, p) => db.selectFrom("agent_messages").select(MESSAGE).where("id", "=", p.messageId),
    ),
    messages: statements.add<{
      readonly channelId: string;
      readonly before: number | undefined;
      readonly limit: number;
    }>(
      "agent-message.list",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns(MESSAGE)} FROM agent_messages
      WHERE channel_id = ${p.channelId} AND (CAST(${p.before} AS BIGINT) IS NULL OR seq < ${p.before})
      ORDER BY seq DESC LIMIT ${p.limit}`,
    ),
  };
}

function cursorOf(cursor: string | undefined): readonly [number | undefined, string | undefined] {
  if (cursor === undefined) return [undefined, undefined];
  const dot = cursor.indexOf(".");
  const at = Number(cursor.slice(0, dot));
  if (dot < 1 || !Number.isSafeInteger(at)) throw badCursor(cursor);
  return [at, cursor.slice(dot + 1)];
}

function channelOf(row: Row): AgentChannel {
  const [id, spaceId, kind, name, creator, ownerId, peerId, audience, lastSeq, createdAt] =
    row as unknown as TupleOf<AgentChannelTable, typeof CHANNEL>;
  return {
    ...{ id, spaceId, name, creator, ownerId, peerId, lastSeq, createdAt },
    kind: kind === "direct" ? "direct" : "group",
    audience: parseAudience(audience),
  };
}

function messageOf(deps: PortDeps, row: Row): AgentMessage | undefined {
  const [, id, spaceId, channelId, seq, kind, from, text, v, payload, createdAt] = row as unknown as TupleOf<
    AgentMessageTable,
    typeof MESSAGE
  >;
  const parsed = parsePayload<MessagePayload>(deps, { what: "agent message", id, v, text: payload });
  if (parsed === undefined) return undefined;
  return {
    ...{ id, spaceId, channelId, seq, from, text, createdAt },
    kind: kind as AgentMessageKind,
    ...parsed,
  };
}
