import type { NewBranch, SessionStore, Write } from "@troupe/contracts";
import { sql } from "kysely";
import { type Statement, write, writeRow } from "../statement.ts";
import type { PortDeps } from "./kit.ts";

/** What is done to whole sessions: naming, branching, deleting. */
export function sessionChanges(deps: PortDeps): Pick<SessionStore, "rename" | "branch" | "remove"> {
  const rename = deps.statements.add<{ id: string; name: string | undefined }>(
    "session.rename",
    { guard: "store.conflict" },
    (_db, p) => sql`UPDATE sessions SET name = ${p.name} WHERE id = ${p.id}`,
  );
  const branch = branchStatements(deps);
  const removed = removeStatement(deps);
  const leavings = removeLeavings(deps);
  return {
    rename: (session) => write(rename, session),
    branch: (one) =>
      writeRow(branch.session, one, (row) => ({ lastSeq: Number(row?.[0]) }), [
        write(branch.messages, one),
        write(branch.attachments, one),
        write(branch.storyline, one),
      ]),
    remove: (id) =>
      writeRow(
        removed,
        { id },
        (row) => ({ messages: Number(row?.[0]), turns: Number(row?.[1]) }),
        leavings.map((leaving): Write => write(leaving, { id })),
      ),
  };
}

/** A selected parameter has no type of its own everywhere. */
const text = (parameter: unknown) => sql`CAST(${parameter} AS TEXT)`;
const int = (parameter: unknown) => sql`CAST(${parameter} AS BIGINT)`;

function branchStatements({ statements }: PortDeps) {
  // What is copied, `c`, up to the message `m` of the parent.
  const withIt = (p: NewBranch) => sql`CAST(${p.isIncluded} AS BIGINT) = 1`;
  const isBefore = sql`(c.turn_seq, c.seq) <= (m.turn_seq, m.seq)`;
  return {
    session: statements.add<NewBranch>(
      "session.branch",
      { returns: "row", guard: "store.conflict" },
      (_db, p) => sql`
      INSERT INTO sessions (id, space_id, agent_id, channel, key, peer_id, owner_id, audience, stateless, last_seq,
        touches, created_at, updated_at, name, parent_id, parent_message_id)
      SELECT ${text(p.id)}, s.space_id, s.agent_id, s.channel, ${text(p.key)}, s.peer_id, s.owner_id, s.audience, 0,
        coalesce((SELECT max(c.seq) FROM messages c
          WHERE c.session_id = s.id AND ${isBefore} AND (c.id <> m.id OR ${withIt(p)})), 0),
        1, ${int(p.at)}, ${int(p.at)}, ${text(p.name)}, s.id, m.id
      FROM sessions s JOIN messages m ON m.session_id = s.id
      WHERE s.id = ${p.parentId} AND m.id = ${p.messageId}
      ON CONFLICT DO NOTHING RETURNING last_seq`,
    ),
    messages: statements.add<NewBranch>(
      "message.branch",
      {},
      (_db, p) => sql`
      INSERT INTO messages (id, space_id, session_id, turn_id, seq, turn_seq, role, v, parts, audience, outcome,
        created_at, copied, author, author_name)
      SELECT ${text(p.id)} || '.' || c.seq, c.space_id, ${text(p.id)}, c.turn_id, c.seq, c.turn_seq, c.role, c.v, c.parts,
        c.audience, c.outcome, c.created_at, 1, c.author, c.author_name
      FROM messages m JOIN messages c ON c.session_id = m.session_id AND ${isBefore}
      WHERE m.session_id = ${p.parentId} AND m.id = ${p.messageId} AND (c.id <> m.id OR ${withIt(p)})
      ORDER BY c."row"`,
    ),
    attachments: statements.add<NewBranch>(
      "attachment.branch",
      {},
      (_db, p) => sql`
      INSERT INTO attachments (space_id, blob_id, message_id, session_id, media_type, name, size_bytes)
      SELECT a.space_id, a.blob_id, ${text(p.id)} || '.' || c.seq, ${text(p.id)}, a.media_type, a.name, a.size_bytes
      FROM messages m JOIN messages c ON c.session_id = m.session_id AND ${isBefore}
        JOIN attachments a ON a.session_id = c.session_id AND a.message_id = c.id
      WHERE m.session_id = ${p.parentId} AND m.id = ${p.messageId} AND (c.id <> m.id OR ${withIt(p)})`,
    ),
    storyline: statements.add<NewBranch>(
      "storyline.branch",
      {},
      (_db, p) => sql`
      INSERT INTO storylines (id, space_id, agent_id, session_id, audience, title, summary, summary_turn_seq, updated_at, peer_id)
      SELECT ${text(p.storylineId)}, l.space_id, l.agent_id, ${text(p.id)}, l.audience, l.title,
        CASE WHEN l.summary_turn_seq < m.turn_seq THEN l.summary ELSE '' END,
        CASE WHEN l.summary_turn_seq < m.turn_seq THEN l.summary_turn_seq ELSE 0 END, ${int(p.at)}, l.peer_id
      FROM storylines l JOIN messages m ON m.session_id = l.session_id
      WHERE l.session_id = ${p.parentId} AND m.id = ${p.messageId}
        AND (SELECT last_seq FROM sessions WHERE id = ${p.id}) > 0`,
    ),
  };
}

function removeStatement({ statements }: PortDeps): Statement<{ id: string }> {
  return statements.add<{ id: string }>(
    "session.remove",
    { returns: "row", guard: "store.conflict" },
    (_db, p) => sql`
    DELETE FROM sessions WHERE id = ${p.id}
      AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.session_id = sessions.id AND t.state IN ('queued', 'running'))
      AND NOT EXISTS (SELECT 1 FROM turns t JOIN outbox o ON o.turn_id = t.id
        WHERE t.session_id = sessions.id AND o.state IN ('pending', 'sending'))
    RETURNING (SELECT count(*) FROM messages m WHERE m.session_id = sessions.id),
      (SELECT count(*) FROM turns t WHERE t.session_id = sessions.id)`,
  );
}

/** In this order: later ones find their rows by those that earlier ones leave. */
function removeLeavings({ statements, dialect }: PortDeps): readonly Statement<{ id: string }>[] {
  const texts: readonly (readonly [string, string])[] = [
    [
      "vector.remove-storyline",
      "DELETE FROM vectors WHERE owner_kind = 'storyline' AND owner_id IN (SELECT id FROM storylines WHERE session_id = ?)",
    ],
    [
      "vector.remove-messages",
      "DELETE FROM vectors WHERE owner_kind = 'message' AND owner_id IN (SELECT id FROM messages WHERE session_id = ?)",
    ],
    ["storyline.remove", "DELETE FROM storylines WHERE session_id = ?"],
    ["storyline.remove-begun", "DELETE FROM storylines WHERE begun_in = ?"],
    ["storyline-turn.remove", "DELETE FROM storyline_turns WHERE session_id = ?"],
    ["compaction.remove", "DELETE FROM compactions WHERE session_id = ?"],
    ["search.remove-scopes", "DELETE FROM search_scopes WHERE session_id = ?"],
    ["module-link.remove", "DELETE FROM module_links WHERE session_id = ?"],
    [
      "module-dependency.remove",
      "DELETE FROM module_dependencies WHERE instance_id IN (SELECT id FROM module_instances WHERE session_id = ?)",
    ],
    [
      "module-link.remove-others",
      "DELETE FROM module_links WHERE instance_id IN (SELECT id FROM module_instances WHERE session_id = ?)",
    ],
    ["module-instance.remove", "DELETE FROM module_instances WHERE session_id = ?"],
    ["attachment.remove", "DELETE FROM attachments WHERE session_id = ?"],
    ["message.remove", "DELETE FROM messages WHERE session_id = ?"],
    [
      "turn-step.remove",
      "DELETE FROM turn_steps WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)",
    ],
    ["tape.remove", "DELETE FROM tapes WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)"],
    ["inbox.remove", "DELETE FROM inbox WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)"],
    ["outbox.remove", "DELETE FROM outbox WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)"],
    // One that runs is settled by its runner, and finds nothing to do.
    [
      "effect.remove",
      "DELETE FROM effects WHERE state <> 'running' AND turn_id IN (SELECT id FROM turns WHERE session_id = ?)",
    ],
    ["handoff.remove", "DELETE FROM handoffs WHERE session_id = ?"],
    ["inbox-item.remove-session", "DELETE FROM inbox_items WHERE session_id = ?"],
    ["turn.remove", "DELETE FROM turns WHERE session_id = ?"],
  ];
  const bySession = texts.map(([name, text]) =>
    statements.add<{ id: string }>(name, {}, (_db, p) => {
      const [before = "", after = ""] = text.split("?");
      return sql`${sql.raw(before)}${p.id}${sql.raw(after)}`;
    }),
  );
  // Row numbers of the newest messages are given again, and indexing must not have passed them.
  const cursor = statements.add<{ id: string }>(
    "search.step-back",
    {},
    () => sql`
    UPDATE search_cursor SET "row" = coalesce((SELECT max("row") FROM messages), 0)
    WHERE (name = 'messages' OR (name >= 'vectors/message/' AND name < 'vectors/message0')) AND "row" > coalesce((SELECT max("row") FROM messages), 0)`,
  );
  const unindex = statements.add<{ id: string }>("search.remove", {}, (_db, p) =>
    dialect.unindexSession(p.id),
  );
  return [unindex, ...bySession, cursor];
}
