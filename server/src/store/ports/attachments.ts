import type { Attachment, AttachmentStore, NewMessage, Write } from "@troupe/contracts";
import { filesOf } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { AttachmentTable, TupleOf } from "../tables.ts";
import { namesText, type PortDeps } from "./kit.ts";

const COLUMNS = [
  "space_id",
  "blob_id",
  "message_id",
  "session_id",
  "media_type",
  "name",
  "size_bytes",
] as const satisfies readonly (keyof AttachmentTable)[];

export function createAttachmentStore({ statements, reads, dialect }: PortDeps): AttachmentStore {
  const find = statements.add<{ spaceId: string; blobId: string; ownerId: string | undefined }>(
    "attachment.find",
    { returns: "row" },
    (_db, p) => sql`
      SELECT ${sql.join(COLUMNS.map((column) => sql.ref(`a.${column}`)))} FROM attachments a
      JOIN sessions s ON s.id = a.session_id
      WHERE a.space_id = ${p.spaceId} AND a.blob_id = ${p.blobId}
        AND (CAST(${p.ownerId} AS TEXT) IS NULL OR s.owner_id = ${p.ownerId})
      ORDER BY a.message_id DESC LIMIT 1`,
  );
  const held = statements.add<{ spaceId: string; blobIds: string }>(
    "attachment.held",
    { returns: "rows" },
    (_db, p) => sql`
      SELECT asked.value FROM ${dialect.texts(p.blobIds, "asked")}
      WHERE EXISTS (SELECT 1 FROM attachments WHERE space_id = ${p.spaceId} AND blob_id = asked.value)`,
  );
  return {
    async find({ spaceId, blobId, ownerId }, options) {
      const row = await reads.row(find, { spaceId, blobId, ownerId }, options);
      return row === undefined ? undefined : attachmentOf(row);
    },
    async held({ spaceId, blobIds }, options) {
      if (blobIds.length === 0) return [];
      const rows = await reads.rows(held, { spaceId, blobIds: namesText(blobIds) }, options);
      return rows.map((row) => String(row[0]));
    },
  };
}

/** The further writes of a message that holds files. */
export function attachmentWrites({
  statements,
}: PortDeps): (message: NewMessage) => readonly Write<unknown>[] {
  const put = statements.add<Attachment>("attachment.put", {}, (db, p) =>
    db
      .insertInto("attachments")
      .values({
        space_id: p.spaceId,
        blob_id: p.blobId,
        message_id: p.messageId,
        session_id: p.sessionId,
        media_type: p.mediaType,
        name: p.name,
        size_bytes: p.sizeBytes,
      })
      // The same file twice in one message is one attachment.
      .onConflict((conflict) => conflict.doNothing()),
  );
  return ({ id, spaceId, sessionId, parts }) =>
    filesOf(parts).map((file) => write(put, { ...file, spaceId, sessionId, messageId: id }));
}

function attachmentOf(row: Row): Attachment {
  const [spaceId, blobId, messageId, sessionId, mediaType, name, sizeBytes] = row as unknown as TupleOf<
    AttachmentTable,
    typeof COLUMNS
  >;
  return { type: "file", spaceId, blobId, messageId, sessionId, mediaType, name, sizeBytes };
}
