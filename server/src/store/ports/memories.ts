import type { Audience, MemoryKind, MemoryStore } from "@troupe/contracts";
import { keysFor, likenessKeys, slotKey } from "../../kit/index.ts";
import { namesText, numberCursor, type PortDeps, pageLimit, pageOf } from "./kit.ts";
import { memoryOf, memorySelects } from "./memory-reads.ts";
import { memoryWrites } from "./memory-writes.ts";

export function createMemoryStore(deps: PortDeps): MemoryStore {
  const { reads } = deps;
  const statements = memorySelects(deps);

  return {
    ...memoryWrites(deps),
    async find({ spaceId, readers, ids, includeClosed = false }, options) {
      if (ids.length === 0 || isNobody(readers)) return [];
      const input = { spaceId, readers: readersText(readers), ids: JSON.stringify(ids), includeClosed };
      return (await reads.rows(statements.find, input, options)).map(memoryOf);
    },
    async list(query, options) {
      if (isNobody(query.readers)) return { items: [] };
      const limit = pageLimit(query);
      const { spaceId, heldFastOf, agentId = heldFastOf, kinds, state = "open" } = query;
      const input = {
        ...{ spaceId, agentId: heldFastOf ?? agentId },
        readers: readersText(query.readers),
        kinds: kinds === undefined ? undefined : JSON.stringify(kinds),
        before: numberCursor(query),
        limit: limit + 1,
      };
      const isOfPeople =
        heldFastOf === undefined && kinds?.length === 1 && kinds[0] === "relationship" && state === "open";
      const lists = agentId === undefined ? statements.list : statements.listOf;
      const all = heldFastOf === undefined ? lists[state] : statements.held;
      const rows =
        isOfPeople && agentId !== undefined
          ? await reads.farRows(statements.relationshipsOf, input, options)
          : await reads.farRows(all, input, options);
      return pageOf(rows, limit, memoryOf, (row) => String(row[0]));
    },
    async replacedBy(of, options) {
      return (await reads.rows(statements.replacedBy, of, options)).map(memoryOf);
    },
    async alike({ spaceId, agentId, text, slot, audience }, options) {
      const keys = [...likenessKeys(text), ...(slot === undefined ? [] : [slotKey(slot)])];
      const own = audience === undefined ? [] : keysFor(audience, keys);
      const named = audience === undefined ? "" : namesText(audience);
      const input = { spaceId, agentId, audience: named, keys: JSON.stringify([...keys, ...own]) };
      return (await reads.rows(statements.alike, input, options)).map(memoryOf);
    },
    async counts({ spaceId, agentId }, options) {
      const rows = await reads.farRows(statements.counts, { spaceId, agentId }, options);
      return rows.map(([agent, kind, open, closed]) => ({
        agentId: String(agent),
        kind: kind as MemoryKind,
        open: Number(open),
        closed: Number(closed),
      }));
    },
  };
}

/** No reader at all is a mistake of whoever asks, and an operator asks otherwise: nothing is told. */
function isNobody(readers: Audience | undefined): boolean {
  return readers?.length === 0;
}

function readersText(readers: Audience | undefined): string | undefined {
  return readers === undefined ? undefined : namesText(readers);
}
