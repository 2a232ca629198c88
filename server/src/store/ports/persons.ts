import { type LinkProof, type PersonLink, type PersonStore, SUBJECTS } from "@troupe/contracts";
import { type RawBuilder, sql } from "kysely";
import { keptName } from "../../kit/index.ts";
import type { PersonLinkTable } from "../person-tables.ts";
import { type Row, ringing, write } from "../statement.ts";
import type { TupleOf } from "../tables.ts";
import { numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { peerReads } from "./peers.ts";

const COLUMNS = [
  ...(["row", "id", "space_id", "name", "other_name", "proof", "linked_at", "ended_at"] as const),
] as const satisfies readonly (keyof PersonLinkTable)[];

type Selected = TupleOf<PersonLinkTable, typeof COLUMNS>;

export function createPersonStore(deps: PortDeps): PersonStore {
  const { reads } = deps;
  const writes = personWrites(deps);
  const selects = personSelects(deps);
  return {
    ...peerReads(deps),
    offer: ({ spaceId, name, codeHash, until, at }) =>
      write(writes.offer, { spaceId, name: keptName(name), codeHash, until }, [
        write(writes.prune, { spaceId, at }),
      ]),
    async offered(query, options) {
      const row = await reads.row(selects.offered, query, options);
      if (row === undefined) return undefined;
      const [spaceId, name, codeHash, until] = row as [string, string, string, number];
      return { spaceId, name, codeHash, until };
    },
    redeem: ({ spaceId, codeHash, name, linkId, at }) => {
      const useUp = write(writes.useUp, { spaceId, codeHash, name: keptName(name) });
      const input = { spaceId, codeHash, name: keptName(name), linkId, at };
      return ringing(write(writes.redeem, input, [useUp]), SUBJECTS.personsChanged);
    },
    link({ id, spaceId, names, proof, linkedAt }) {
      const [name, otherName] = names.map(keptName).toSorted() as [string, string];
      const input = { id, spaceId, name, otherName, proof, linkedAt };
      return ringing(write(writes.link, input), SUBJECTS.personsChanged);
    },
    unlink: ({ spaceId, of, at }) =>
      ringing(write(writes.unlink, { spaceId, of: keptName(of), at }), SUBJECTS.personsChanged),
    async open(spaceId, limit, options) {
      return (await reads.rows(selects.open, { spaceId, limit }, options)).map(linkOf);
    },
    async list({ spaceId, name, ...page }, options) {
      const limit = pageLimit(page);
      const input = { spaceId, before: numberCursor(page), limit: limit + 1 };
      const rows =
        name === undefined
          ? await reads.rows(selects.list, input, options)
          : await reads.rows(selects.listOf, { ...input, name: keptName(name) }, options);
      return pageOf(rows, limit, linkOf, (row) => String(row[0]));
    },
  };
}

function personWrites({ statements }: PortDeps) {
  return {
    offer: statements.add<{ spaceId: string; name: string; codeHash: string; until: number }>(
      "person.offer",
      {},
      (_db, p) => sql`
      INSERT INTO person_offers (space_id, name, code_hash, until) VALUES (${p.spaceId}, ${p.name}, ${p.codeHash}, ${p.until})
      ON CONFLICT (space_id, name) DO UPDATE SET code_hash = excluded.code_hash, until = excluded.until`,
    ),
    prune: statements.add<{ spaceId: string; at: number }>("person.prune-offers", {}, (db, p) =>
      db.deleteFrom("person_offers").where("space_id", "=", p.spaceId).where("until", "<=", p.at),
    ),
    redeem: statements.add<{ spaceId: string; codeHash: string; name: string; linkId: string; at: number }>(
      "person.redeem",
      {},
      (_db, p) => sql`
      INSERT INTO person_links (id, space_id, name, other_name, proof, linked_at)
      SELECT CAST(${p.linkId} AS TEXT), o.space_id, CASE WHEN o.name < ${p.name} THEN o.name ELSE CAST(${p.name} AS TEXT) END,
        CASE WHEN o.name < ${p.name} THEN CAST(${p.name} AS TEXT) ELSE o.name END, 'code', CAST(${p.at} AS BIGINT)
      FROM person_offers o
      WHERE o.code_hash = ${p.codeHash} AND o.space_id = ${p.spaceId} AND o.until > ${p.at} AND o.name <> ${p.name}
      ON CONFLICT (id) DO NOTHING`,
    ),
    useUp: statements.add<{ spaceId: string; codeHash: string; name: string }>(
      "person.use-up-offer",
      {},
      (db, p) =>
        db
          .deleteFrom("person_offers")
          .where("space_id", "=", p.spaceId)
          .where("code_hash", "=", p.codeHash)
          .where("name", "<>", p.name),
    ),
    link: statements.add<{
      id: string;
      spaceId: string;
      name: string;
      otherName: string;
      proof: LinkProof;
      linkedAt: number;
    }>("person.link", {}, (db, p) =>
      db
        .insertInto("person_links")
        .values({
          ...{ id: p.id, space_id: p.spaceId, name: p.name, other_name: p.otherName },
          ...{ proof: p.proof, linked_at: p.linkedAt },
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    unlink: statements.add<{ spaceId: string; of: string; at: number }>(
      "person.unlink",
      {},
      (_db, p) => sql`
      UPDATE person_links SET ended_at = ${p.at}
      WHERE space_id = ${p.spaceId} AND ended_at IS NULL AND (id = ${p.of} OR name = ${p.of} OR other_name = ${p.of})`,
    ),
  };
}

function personSelects({ statements }: PortDeps) {
  const columns = sql.join(COLUMNS.map((column) => sql.ref(column)));
  const list = <Input extends { spaceId: string; before: number | undefined; limit: number }>(
    name: string,
    ofWhom: (p: { readonly [Key in keyof Input]: RawBuilder<unknown> }) => RawBuilder<unknown>,
  ) =>
    statements.add<Input>(
      name,
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM person_links
      WHERE space_id = ${p.spaceId} ${ofWhom(p as never)}
        AND (CAST(${p.before} AS BIGINT) IS NULL OR "row" < ${p.before}) ORDER BY "row" DESC LIMIT ${p.limit}`,
    );
  return {
    offered: statements.add<{ spaceId: string; codeHash: string; at: number }>(
      "person.offered",
      { returns: "row" },
      (db, p) =>
        db
          .selectFrom("person_offers")
          .select(["space_id", "name", "code_hash", "until"])
          .where("code_hash", "=", p.codeHash)
          .where("space_id", "=", p.spaceId)
          .where("until", ">", p.at),
    ),
    open: statements.add<{ spaceId: string; limit: number }>(
      "person.open-links",
      { returns: "rows" },
      (_db, p) => sql`
      SELECT ${columns} FROM person_links WHERE space_id = ${p.spaceId} AND ended_at IS NULL ORDER BY "row" DESC LIMIT ${p.limit}`,
    ),
    list: list<{ spaceId: string; before: number | undefined; limit: number }>("person.links", () => sql``),
    listOf: list<{ spaceId: string; before: number | undefined; limit: number; name: string }>(
      "person.links-of",
      (p) => sql`AND (name = ${p.name} OR other_name = ${p.name})`,
    ),
  };
}

function linkOf(row: Row): PersonLink {
  const [, id, spaceId, name, otherName, proof, linkedAt, endedAt] = row as unknown as Selected;
  return {
    ...{ id, spaceId, names: [name, otherName], proof: proof as LinkProof, linkedAt },
    ...(endedAt === null ? {} : { endedAt }),
  };
}
