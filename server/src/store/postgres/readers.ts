import { type Clock, TroupeError } from "@troupe/contracts";
import type { Client } from "pg";
import { type Metrics, nextDelayMs, sleep, untilAborted } from "../../kit/index.ts";
import { troupeErrorOf } from "../failure.ts";
import type { Reader } from "../reads.ts";
import type { Row, StatementText, Value } from "../statement.ts";
import { connect, cutOff, encodeValue } from "./connection.ts";
import { failureOf, isLost } from "./errors.ts";
import { preparedName } from "./groups.ts";

export interface ReaderOptions {
  readonly url: string;
  readonly where: string;
  readonly applicationName: string;
  readonly texts: () => readonly StatementText[];
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** How long a read waits for a server that is away. */
  readonly patienceMs: number;
  /** `SET` of what is asked for on these connections. */
  readonly settings?: string | undefined;
  /** Most connections, opened when they are first needed. */
  readonly connections: number;
}

const RECONNECT = { baseMs: 50, capMs: 1_000 } as const;
/** Whoever closes waits no longer for answers, or for a server that has fallen silent. */
const LEAVE_PATIENCE_MS = 2_000;

/**
 * Reads over a few connections in turn. Questions are sent without waiting for the answers to those before them, so one
 * connection serves many; a read is repeated when its connection breaks, for it changes nothing.
 */
export function createReaders(options: ReaderOptions): Reader & { close(): Promise<void> } {
  const { clock, where, random } = options;
  const trips = options.metrics.counter(
    "store_round_trips_total",
    "Round trips to the database server, by kind",
  );
  const slots: (Promise<Client> | undefined)[] = [];
  const life = new AbortController();
  let turn = 0;

  const connection = (): { readonly client: Promise<Client>; readonly slot: number } => {
    const slot = turn++ % options.connections;
    const client = slots[slot] ?? start(slot);
    return { client, slot };
  };
  const start = (slot: number): Promise<Client> => {
    const forget = (): void => {
      if (slots[slot] === client) slots[slot] = undefined;
    };
    const client = connect({ ...options, pipeline: true, onEnd: forget });
    slots[slot] = client;
    client.catch(forget);
    return client;
  };
  const ask = async (index: number, values: readonly (string | null)[]): Promise<readonly Row[]> => {
    const text = options.texts()[index] as StatementText;
    const client = await connection().client;
    trips.add(1, { kind: "read" });
    const query = { name: preparedName(index, text), text: text.sql, values: [...values] };
    return (await client.query<Value[]>({ ...query, rowMode: "array" })).rows;
  };
  const askUntilAnswered = async (
    index: number,
    values: readonly (string | null)[],
    signal: AbortSignal,
  ): Promise<readonly Row[]> => {
    const untilMs = clock.monotonicMs() + options.patienceMs;
    let delayMs: number = RECONNECT.baseMs;
    for (;;) {
      try {
        return await untilAborted(ask(index, values), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (life.signal.aborted) throw closedError();
        if (!isLost(error) || clock.monotonicMs() >= untilMs)
          throw troupeErrorOf(failureOf(error, where), error);
      }
      delayMs = nextDelayMs(delayMs, RECONNECT, random);
      await sleep(clock, delayMs, signal);
    }
  };

  const leave = async (client: Client): Promise<void> => {
    using _ = clock.schedule(LEAVE_PATIENCE_MS, () => cutOff(client));
    await client.end();
  };

  return {
    async query(index, values, { signal }) {
      signal.throwIfAborted();
      if (life.signal.aborted) throw closedError();
      const rows = await askUntilAnswered(index, values.map(encodeValue), signal);
      return options.texts()[index]?.returns === "row" ? (rows[0] ?? null) : rows;
    },
    async close() {
      life.abort(closedError());
      await Promise.all(slots.splice(0).map((client) => client?.then(leave, () => undefined)));
    },
  };
}

function closedError(): TroupeError {
  return new TroupeError("The store is closed: Troupe is shutting down.", { code: "store.closed" });
}
