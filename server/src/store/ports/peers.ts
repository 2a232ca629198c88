import type { Acquaintance, PeerProfile, PersonStore, SpokenCount } from "@troupe/contracts";
import { sql } from "kysely";
import { keptName } from "../../kit/index.ts";
import { write } from "../statement.ts";
import { namesText, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { MESSAGE_COLUMNS, messageOf } from "./messages.ts";

const MOST_SPOKEN = 200;

interface AskedName {
  readonly name: string;
  /** Whose sessions it has, and under which id: the way from a name of audiences to conversations. */
  readonly ownerId: string;
  readonly peerId: string;
  readonly audience: string;
}

/** What is known of peers without being told: how channels show them, and how much they talked. */
export function peerReads(
  deps: PortDeps,
): Pick<PersonStore, "shown" | "profiles" | "acquaintances" | "spoken" | "written" | "names"> {
  const { reads } = deps;
  const { shown, profiles, acquaintances, spoken, written, names } = peerStatements(deps);
  return {
    shown: ({ spaceId, name, shownName, at }) =>
      write(shown, { spaceId, name: keptName(name), shownName: keptName(shownName), at }),
    async profiles({ spaceId, names: wanted }, options) {
      if (wanted.length === 0) return [];
      const rows = await reads.rows(profiles, { spaceId, names: namesText(wanted) }, options);
      return rows.map((row): PeerProfile => {
        const [name, shownName, since] = row as unknown as [string, string, number];
        return { spaceId, name, shownName, since };
      });
    },
    async acquaintances({ spaceId, names: wanted, agentId }, options) {
      if (wanted.length === 0) return [];
      const asked = JSON.stringify(wanted.map(askedName));
      const rows = await reads.rows(acquaintances, { spaceId, asked, agentId }, options);
      return rows.map((row): Acquaintance => {
        const [name, agent, ...sums] = row;
        const [sessions = 0, messages = 0, firstAt = 0, lastAt = 0] = sums.map(Number);
        return { name: String(name), agentId: String(agent), sessions, messages, firstAt, lastAt };
      });
    },
    async spoken({ spaceId, names: wanted }, options) {
      if (wanted.length === 0) return [];
      const rows = await reads.farRows(spoken, { spaceId, names: namesText(wanted) }, options);
      return rows.map(([name, sessionId, messages, lastAt]): SpokenCount => {
        return {
          ...{ name: String(name), sessionId: String(sessionId) },
          ...{ messages: Number(messages), lastAt: Number(lastAt) },
        };
      });
    },
    async written(query, options) {
      const limit = pageLimit(query);
      const { spaceId, name } = query;
      const input = { spaceId, name: keptName(name), after: numberCursor(query) ?? 0, limit: limit + 1 };
      const rows = await reads.farRows(written, input, options);
      return pageOf(
        rows,
        limit,
        (row) => messageOf(deps, row),
        (row) => String(row[MESSAGE_COLUMNS.length]),
      );
    },
    async names(query, options) {
      const limit = pageLimit(query);
      const input = { spaceId: query.spaceId, after: query.cursor, limit: limit + 1 };
      const rows = await reads.farRows(names, input, options);
      return pageOf(
        rows,
        limit,
        ([name]) => String(name),
        ([name]) => String(name),
      );
    },
  };
}

function askedName(given: string): AskedName {
  const name = keptName(given);
  const slash = name.indexOf("/");
  const [ownerId, peerId] = slash < 0 ? [name, name] : [name.slice(0, slash), name.slice(slash + 1)];
  return { name, ownerId, peerId, audience: namesText([name]) };
}

function peerStatements({ statements, dialect }: PortDeps) {
  return {
    shown: statements.add<{ spaceId: string; name: string; shownName: string; at: number }>(
      "peer.shown",
      {},
      (_db, p) => sql`
      INSERT INTO peer_profiles (space_id, name, shown_name, since) VALUES (${p.spaceId}, ${p.name}, ${p.shownName}, ${p.at})
      ON CONFLICT (space_id, name) DO UPDATE SET shown_name = excluded.shown_name, since = excluded.since
      WHERE peer_profiles.shown_name <> excluded.shown_name`,
    ),
    profiles: statements.add<{ spaceId: string; names: string }>(
      "peer.profiles",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT name, shown_name, since FROM peer_profiles
      WHERE space_id = ${p.spaceId} AND name IN (SELECT wanted.value FROM ${dialect.texts(p.names, "wanted")})`,
    ),
    acquaintances: statements.add<{ spaceId: string; asked: string; agentId: string | undefined }>(
      "peer.acquaintances",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT asked.value ->> 'name', s.agent_id, count(*), sum(s.last_seq), min(s.created_at), max(s.updated_at)
      FROM ${dialect.objects(p.asked, "asked")} CROSS JOIN sessions s
      WHERE s.space_id = ${p.spaceId} AND s.owner_id = asked.value ->> 'ownerId' AND s.peer_id = asked.value ->> 'peerId'
        AND s.stateless = 0 AND s.audience = asked.value ->> 'audience'
        AND (CAST(${p.agentId} AS TEXT) IS NULL OR s.agent_id = ${p.agentId})
      GROUP BY asked.value ->> 'name', s.agent_id`,
    ),
    spoken: statements.add<{ spaceId: string; names: string }>(
      "peer.spoken",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT m.author, m.session_id, count(*), max(m.created_at) FROM messages m
      WHERE m.space_id = ${p.spaceId} AND m.author IN (SELECT wanted.value FROM ${dialect.texts(p.names, "wanted")})
      GROUP BY m.author, m.session_id ORDER BY max(m.created_at) DESC LIMIT ${sql.lit(MOST_SPOKEN)}`,
    ),
    written: statements.add<{ spaceId: string; name: string; after: number; limit: number }>(
      "peer.written",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${sql.join(MESSAGE_COLUMNS.map((column) => sql.ref(`m.${column}`)))}, m."row" FROM messages m
      WHERE m.space_id = ${p.spaceId} AND m.author = ${p.name} AND m."row" > ${p.after} ORDER BY m."row" LIMIT ${p.limit}`,
    ),
    names: statements.add<{ spaceId: string; after: string | undefined; limit: number }>(
      "peer.names",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT name FROM (
        SELECT CASE WHEN owner_id = peer_id THEN owner_id ELSE owner_id || '/' || peer_id END AS name FROM sessions
          WHERE space_id = ${p.spaceId} AND stateless = 0
        UNION SELECT name FROM peer_profiles WHERE space_id = ${p.spaceId}
        UNION SELECT name FROM person_links WHERE space_id = ${p.spaceId} AND ended_at IS NULL
        UNION SELECT other_name FROM person_links WHERE space_id = ${p.spaceId} AND ended_at IS NULL) AS known
      WHERE CAST(${p.after} AS TEXT) IS NULL OR name > ${p.after} ORDER BY name LIMIT ${p.limit}`,
    ),
  };
}
