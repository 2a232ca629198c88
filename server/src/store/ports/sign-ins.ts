import type { SignInRecord, SignInStore } from "@troupe/contracts";
import { sql } from "kysely";
import { type Row, write } from "../statement.ts";
import type { SignInTable, TupleOf } from "../tables.ts";
import type { PortDeps } from "./kit.ts";

const COLUMNS = [
  ...(["id", "space_id", "principal_kind", "principal_id", "name", "code_hash", "code_until"] as const),
  ...(["created_at", "used_at", "token_hash", "until", "revoked_at"] as const),
] as const satisfies readonly (keyof SignInTable)[];

/** Late links are kept for a day, so that whoever opens one is told that it was late. */
const LATE_FOR_MS = 86_400_000;

export function createSignInStore({ statements, reads }: PortDeps): SignInStore {
  const put = statements.add<SignInRecord>("sign-in.put", {}, (db, p) =>
    db.insertInto("sign_ins").values({
      ...{ id: p.id, space_id: p.spaceId, principal_kind: p.principalKind, principal_id: p.principalId },
      ...{ name: p.name, code_hash: p.codeHash, code_until: p.codeUntil, created_at: p.createdAt },
      ...{ used_at: p.usedAt as number, token_hash: p.tokenHash as string, until: p.until as number },
      revoked_at: p.revokedAt as number,
    }),
  );
  const prune = statements.add<{ spaceId: string; before: number }>("sign-in.prune", {}, (db, p) =>
    db
      .deleteFrom("sign_ins")
      .where("space_id", "=", p.spaceId)
      .where("used_at", "is", sql.lit(null))
      .where("code_until", "<", p.before),
  );
  const use = statements.add<Parameters<SignInStore["use"]>[0]>(
    "sign-in.use",
    { guard: "store.conflict" },
    (_db, p) => sql`
      UPDATE sign_ins SET used_at = ${p.at}, token_hash = ${p.tokenHash}, until = ${p.until}, name = ${p.name}
      WHERE code_hash = ${p.codeHash} AND used_at IS NULL AND revoked_at IS NULL AND code_until > ${p.at}`,
  );
  const revoke = statements.add<{ id: string; at: number }>(
    "sign-in.revoke",
    {},
    (_db, p) => sql`
      UPDATE sign_ins SET revoked_at = ${p.at} WHERE (id = ${p.id} OR principal_id = ${p.id}) AND revoked_at IS NULL`,
  );
  const byCode = statements.add<{ hash: string }>("sign-in.by-code", { returns: "row" }, (db, p) =>
    db.selectFrom("sign_ins").select(COLUMNS).where("code_hash", "=", p.hash),
  );
  const byToken = statements.add<{ hash: string }>("sign-in.by-token", { returns: "row" }, (db, p) =>
    db.selectFrom("sign_ins").select(COLUMNS).where("token_hash", "=", p.hash),
  );
  const list = statements.add<{ spaceId: string }>("sign-in.list", { returns: "rows" }, (db, p) =>
    db
      .selectFrom("sign_ins")
      .select(COLUMNS)
      .where("space_id", "=", p.spaceId)
      .where("used_at", "is not", sql.lit(null))
      .orderBy("created_at")
      .orderBy("id"),
  );

  return {
    put: (link) =>
      write(put, link, [write(prune, { spaceId: link.spaceId, before: link.createdAt - LATE_FOR_MS })]),
    use: (how) => write(use, how),
    revoke: (id, at) => write(revoke, { id, at }),
    async findByCode(hash, options) {
      const row = await reads.row(byCode, { hash }, options);
      return row === undefined ? undefined : signInOf(row);
    },
    async findByToken(hash, options) {
      const row = await reads.row(byToken, { hash }, options);
      return row === undefined ? undefined : signInOf(row);
    },
    async list(spaceId, options) {
      return (await reads.rows(list, { spaceId }, options)).map(signInOf);
    },
  };
}

function signInOf(row: Row): SignInRecord {
  const [
    id,
    spaceId,
    kind,
    principalId,
    name,
    codeHash,
    codeUntil,
    createdAt,
    usedAt,
    tokenHash,
    until,
    revokedAt,
  ] = row as unknown as TupleOf<SignInTable, typeof COLUMNS>;
  return {
    ...{ id, spaceId, principalId, name, codeHash, codeUntil, createdAt },
    principalKind: kind as SignInRecord["principalKind"],
    usedAt: usedAt ?? undefined,
    tokenHash: tokenHash ?? undefined,
    until: until ?? undefined,
    revokedAt: revokedAt ?? undefined,
  };
}
