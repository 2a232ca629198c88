import { createHash } from "node:crypto";
import {
  type Audience,
  type CallOptions,
  EVERYONE,
  type StoredVector,
  TroupeError,
  type VectorIndexStore,
  type VectorModel,
  type VectorStore,
} from "@troupe/contracts";
import type { Client } from "pg";
import { keptName, untilAborted } from "../../kit/index.ts";
import { troupeErrorOf } from "../failure.ts";
import type { Row, StatementText, Value } from "../statement.ts";
import { connect } from "./connection.ts";
import { failureOf } from "./errors.ts";
import { createReaders, type ReaderOptions } from "./readers.ts";
import {
  addLengthsStatement,
  createVectorStatements,
  type VectorStatementName,
  type VectorStatements,
} from "./vector-statements.ts";
import { dropVectorTables, makeVectorTable, vectorCursorOf } from "./vector-tables.ts";

/**
 * A filter is looked at while the graph is walked, and the walk goes on until enough passed it; what is found is scored again,
 * so its order need not be strict. Plans are made for the readers of each question.
 */
const SETTINGS =
  "SET hnsw.iterative_scan = 'relaxed_order'; SET hnsw.ef_search = 100; SET plan_cache_mode = force_custom_plan";
const ASKING: ReadonlySet<VectorStatementName> = new Set(["estimate", "nearest", "exact"]);
/** Making the tables waits for commits under way, and sweeping goes through a whole index. */
const MAKE_MS = 60_000;
/** Rows that are taken in after which the server is asked to count anew who knows how many; it does so itself in its own time. */
const COUNT_EACH = 5_000;
/** The same where nothing more is due. */
const COUNT_AT_END = 1_000;
/** An entry of the server's index of texts has a bound; names have none. */
const LONGEST_TEXT = 200;
const MOST_COMPARED = 10_000;
const FINENESS = 1_000_000;

export interface VectorIndexOptions extends Omit<ReaderOptions, "texts" | "connections" | "settings"> {
  /** Below whose rows it stands. */
  readonly vectors: Pick<VectorStore, "after">;
  /** Of so many records that the readers know, all are compared: quicker than the graph, and nothing is missed. Default 10,000. */
  readonly mostCompared?: number;
}

/** The index on pgvector: a table for each model and length, with a graph (HNSW) of halves and who knows each. Opens nothing until it is asked. */
export function createPostgresVectorIndex(
  options: VectorIndexOptions,
): VectorIndexStore & { close(): Promise<void> } {
  const { mostCompared = MOST_COMPARED } = options;
  const tables = new VectorTables(options);
  let sinceCounted = 0;

  const takeSome = async (of: VectorModel, limit: number, call: CallOptions): Promise<number> => {
    await tables.sweepOnce(of, call);
    const [[reached = 0] = []] = await tables.run(of, "reached", [], call);
    const from = Number(reached);
    const found = await options.vectors.after({ ...of, afterRow: from, limit }, call);
    const last = found.at(-1);
    if (last !== undefined) await tables.run(of, "take", [rowsText(found), from, last.row], call);
    sinceCounted += found.length;
    if (sinceCounted >= (found.length < limit ? COUNT_AT_END : COUNT_EACH)) {
      sinceCounted = 0;
      await tables.run(of, "count", [], call);
    }
    return found.length;
  };

  return {
    async take({ model, limit }, call) {
      let [taken, isMore] = [0, false];
      for (const dimensions of await tables.lengthsOf(model, call)) {
        const some = await takeSome({ model, dimensions }, limit, call);
        taken += some;
        isMore ||= some === limit;
      }
      return { taken, isMore };
    },
    async nearest({ spaceId, agentId, readers, vector, limit, ...of }, call) {
      const numbers = numbersText(vector);
      if (numbers === null || readers.length === 0) return [];
      const known = [readers, [EVERYONE]].map((peers) => arrayText(knownTexts(spaceId, agentId, peers)));
      const values = [...known, numbers, limit];
      const [[plan] = []] = await tables.run(of, "estimate", known, call);
      if (rowsOfPlan(plan) > mostCompared) {
        const near = await tables.run(of, "nearest", values, call);
        // The walk has a bound, and may have passed over those few that the readers know.
        if (near.length === limit) return near.map(([row]) => Number(row));
      }
      const rows = await tables.run(of, "exact", values, call);
      return rows.map(([row]) => Number(row));
    },
    async drop({ rows, ...of }, call) {
      if (rows.length > 0) await tables.run(of, "drop", [`{${rows.join(",")}}`], call);
    },
    async renew({ model }, call) {
      for (const dimensions of await tables.lengthsOf(model, call)) {
        await tables.run({ model, dimensions }, "sweep", [], call);
        await tables.run({ model, dimensions }, "forget", [], call);
      }
    },
    prune: ({ keep }, call) => tables.prune(keep, call),
    close: () => tables.close(),
  };
}

/** The tables, each made when it is first asked for, and two connections to them. */
class VectorTables {
  readonly #options: VectorIndexOptions;
  readonly #texts: StatementText[] = [];
  readonly #lengths = addLengthsStatement(this.#texts);
  readonly #opened = new Map<string, Promise<VectorStatements>>();
  readonly #swept = new Set<string>();
  /** A batch that is taken in holds up no search. */
  readonly #asking: ReturnType<typeof createReaders>;
  readonly #taking: ReturnType<typeof createReaders>;

  constructor(options: VectorIndexOptions) {
    this.#options = options;
    const reading = { ...options, texts: () => this.#texts, connections: 1, settings: SETTINGS };
    this.#asking = createReaders(reading);
    this.#taking = createReaders({ ...reading, statementTimeoutMs: MAKE_MS });
  }

  async lengthsOf(model: string, call: CallOptions): Promise<readonly number[]> {
    const rows = (await this.#taking.query(this.#lengths, [model], call)) as readonly Row[];
    return rows.map(([dimensions]) => Number(dimensions));
  }

  async run(
    of: VectorModel,
    name: VectorStatementName,
    values: readonly Value[],
    call: CallOptions,
  ): Promise<readonly Row[]> {
    const statements = await untilAborted(this.#statementsOf(of), call.signal);
    const readers = ASKING.has(name) ? this.#asking : this.#taking;
    try {
      return (await readers.query(statements[name], values, call)) as readonly Row[];
    } catch (error) {
      // The table may be gone, or without its vectors; the next call makes it anew.
      if (TroupeError.is(error, "store.failed")) this.#forget(of);
      throw error;
    }
  }

  /** What was deleted while the index was broken goes with the first batch. */
  async sweepOnce(of: VectorModel, call: CallOptions): Promise<void> {
    const key = vectorCursorOf(of);
    if (this.#swept.has(key)) return;
    await this.run(of, "sweep", [], call);
    this.#swept.add(key);
  }

  async prune(keep: string | undefined, { signal }: CallOptions): Promise<void> {
    this.#opened.clear();
    await untilAborted(
      this.#onClient((client) => dropVectorTables(client, keep)),
      signal,
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#asking.close(), this.#taking.close()]);
  }

  #statementsOf(of: VectorModel): Promise<VectorStatements> {
    const key = vectorCursorOf(of);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opening = this.#onClient(async (client) =>
      createVectorStatements(this.#texts, of, await makeVectorTable(client, of, this.#options.where)),
    );
    this.#opened.set(key, opening);
    // Whatever was wrong may be mended by the next call.
    opening.catch(() => this.#forget(of));
    return opening;
  }

  #forget(of: VectorModel): void {
    this.#opened.delete(vectorCursorOf(of));
    this.#swept.delete(vectorCursorOf(of));
  }

  /** On a connection of its own, which ends with it. */
  async #onClient<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const { where } = this.#options;
    try {
      const client = await connect({
        ...this.#options,
        ...{ pipeline: false, statementTimeoutMs: MAKE_MS, onEnd: () => undefined },
      });
      try {
        return await work(client);
      } finally {
        await client.end();
      }
    } catch (error) {
      throw TroupeError.is(error) ? error : troupeErrorOf(failureOf(error, where), error);
    }
  }
}

/** What the planner expects of a plan, by its first line. */
function rowsOfPlan(line: Value | undefined): number {
  return Number(/ rows=(\d+) /.exec(String(line))?.[1] ?? 0);
}

/** Who knows a record, as one text for each of them: whose record it is decides too. */
function knownTexts(spaceId: string, agentId: string, peers: Audience): readonly string[] {
  return peers.map((peer) => {
    const text = JSON.stringify([spaceId, agentId, keptName(peer)]);
    return text.length <= LONGEST_TEXT ? text : createHash("sha256").update(text).digest("hex");
  });
}

/** As the server reads arrays. Source: postgresql.org/docs/15/arrays.html §8.15.6. */
function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** As `take` reads them. */
function rowsText(found: readonly StoredVector[]): string {
  return JSON.stringify(
    found.map(({ row, spaceId, agentId, audience, vector }) => ({
      ...{ row, known: knownTexts(spaceId, agentId, audience), numbers: numbersText(vector) },
    })),
  );
}

/** The direction alone, as fine as halves are; null where it has none. */
function numbersText(vector: Float32Array): string | null {
  let square = 0;
  for (const value of vector) square += value * value;
  if (square === 0 || !Number.isFinite(square)) return null;
  const scale = FINENESS / Math.sqrt(square);
  let text = "[";
  for (let at = 0; at < vector.length; at++) {
    if (at > 0) text += ",";
    text += Math.round((vector[at] as number) * scale) / FINENESS;
  }
  return `${text}]`;
}
