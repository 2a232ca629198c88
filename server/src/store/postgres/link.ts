import { type Clock, type Logger, TroupeError } from "@troupe/contracts";
import type { Client } from "pg";
import { type Counter, type Metrics, nextDelayMs, sleep } from "../../kit/index.ts";
import { type StoreFailure, troupeErrorOf } from "../failure.ts";
import type { Migration } from "../migrations/index.ts";
import { connect, cutOff } from "./connection.ts";
import {
  applicationName,
  becomeWriter,
  resumeWriter,
  type Sharing,
  tryTakeDatabase,
  type WriterRow,
} from "./custody.ts";
import { failureOf, isLost, isStarting } from "./errors.ts";
import { type MigrationState, migrate } from "./migrate.ts";
import type { Prepared } from "./pipeline.ts";

export interface LinkOptions {
  readonly url: string;
  readonly where: string;
  /** Unique to this opening of the store. */
  readonly writerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly sharing: Sharing;
  /** Default: those of this version. */
  readonly migrations?: readonly Migration[] | undefined;
}

/** A connection that holds the database. */
export interface Held extends WriterRow {
  readonly client: Client;
  readonly prepared: Prepared;
}

/** At start another process may just be leaving, or the server starting. */
const START_PATIENCE_MS = 5_000;
/** And so much longer where a server says that it is recovering. */
const STARTUP_PATIENCE_MS = 55_000;
const START_RETRY_MS = 100;
const RECONNECT = { baseMs: 50, capMs: 2_000 } as const;
const LOOK_MS = 10;
/** Taking the database back may wait so long for what a connection of ours left behind, beside the statements themselves. */
const TAKE_PATIENCE_MS = 10_000;
/** Whoever closes waits no longer for a server that has fallen silent. */
const LEAVE_PATIENCE_MS = 2_000;

/** The one connection that writes: it holds the database for this process, and comes back after it broke. */
export class Link {
  readonly #options: LinkOptions;
  readonly #reconnects: Counter;
  readonly #life = new AbortController();
  #held: Held | undefined;
  #coming: Promise<void> | undefined;
  #failure: StoreFailure | undefined;
  /** Another process has taken the database: nothing is written any more. */
  #isFenced = false;
  /** The transaction whose outcome was not told to whoever waits for it. */
  undelivered: number | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const text = "Times that the writing connection to the database server came back";
    this.#reconnects = options.metrics.counter("store_reconnects_total", text);
  }

  /** Why nothing can be written now. */
  get failure(): StoreFailure | undefined {
    return this.#failure;
  }

  /** Migrates, takes the database and becomes its writer; tells of the migrations. Throws the store's error codes. */
  async open(): Promise<MigrationState> {
    const { clock, where } = this.#options;
    const untilMs = clock.monotonicMs() + START_PATIENCE_MS;
    for (;;) {
      try {
        return await this.#begin(await this.#connect());
      } catch (error) {
        const isPassing = TroupeError.is(error) ? error.code === "home.locked" : isLost(error);
        const lateMs = clock.monotonicMs() - (isStarting(error) ? STARTUP_PATIENCE_MS : 0);
        if (!isPassing || lateMs >= untilMs)
          throw TroupeError.is(error) ? error : troupeErrorOf(failureOf(error, where), error);
      }
      await sleep(clock, START_RETRY_MS, this.#life.signal);
    }
  }

  /** The connection as soon as there is one; undefined when there is none until then. */
  async held(untilMs: number): Promise<Held | undefined> {
    const { clock } = this.#options;
    while (this.#held === undefined && !this.#isFenced && !this.#life.signal.aborted) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      this.#comeBack();
      await this.pause(Math.min(leftMs, LOOK_MS));
    }
    return this.#held;
  }

  /** Waits, no longer than the link lives. */
  async pause(ms: number): Promise<void> {
    await sleep(this.#options.clock, ms, this.#life.signal).catch(() => undefined);
  }

  /** Gives up a connection that is of no use; another is on its way. */
  drop(held: Held): void {
    this.#onEnd(held.client, new Error("the connection broke"));
    cutOff(held.client);
  }

  /** Another process has taken the database. */
  fence(holder: string | undefined): StoreFailure {
    this.#isFenced = true;
    this.#failure = takenFailure(this.#options.where, holder);
    return this.#failure;
  }

  /** For one who leaves: a server that is away is not waited for any more. */
  leaveIfAway(): void {
    if (this.#held === undefined) this.#end();
  }

  #end(): void {
    this.#life.abort(new TroupeError("The store is closed.", { code: "store.closed" }));
  }

  async close(): Promise<void> {
    this.#end();
    await this.#coming;
    const last = this.#held?.client;
    this.#held = undefined;
    if (last === undefined) return;
    const { clock, writerId } = this.#options;
    using _ = clock.schedule(LEAVE_PATIENCE_MS, () => cutOff(last));
    // The next one need not ask who this was.
    const leave = "DELETE FROM troupe_writers WHERE id = $1";
    await last.query(leave, [writerId]).catch(() => undefined);
    await last.end();
  }

  #connect(): Promise<Client> {
    const { writerId } = this.#options;
    return connect({
      ...this.#options,
      ...{ applicationName: applicationName(writerId), pipeline: false },
      onEnd: (client, error) => this.#onEnd(client, error),
    });
  }

  #onEnd(client: Client, error: Error | undefined): void {
    // One that never came to hold the database is told of by whoever opened it.
    if (this.#held?.client !== client) return;
    this.#held = undefined;
    if (this.#life.signal.aborted || this.#isFenced) return;
    const { where, logger } = this.#options;
    this.#failure = failureOf(error ?? new Error("the connection ended"), where);
    logger.warn("store.connection_lost", { where, error });
    this.#comeBack();
  }

  #hold(client: Client, row: WriterRow): void {
    this.#held = { client, ...row, prepared: { columns: new Map(), doubtful: new Set() } };
    this.#failure = undefined;
  }

  async #begin(client: Client): Promise<MigrationState> {
    const { where, writerId, sharing, migrations } = this.#options;
    try {
      const holder = await tryTakeDatabase(client, writerId, sharing);
      if (holder !== undefined) throw lockedError(where, holder);
      const applied = await migrate(client, where, migrations);
      this.#hold(client, await becomeWriter(client, writerId, sharing));
      return applied;
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  #comeBack(): void {
    if (this.#coming !== undefined || this.#isFenced || this.#life.signal.aborted) return;
    this.#coming = this.#tryAgain().finally(() => {
      this.#coming = undefined;
    });
  }

  async #tryAgain(): Promise<void> {
    const { where, random } = this.#options;
    let delayMs: number = RECONNECT.baseMs;
    while (this.#held === undefined && !this.#isFenced && !this.#life.signal.aborted) {
      try {
        await this.#resume();
      } catch (error) {
        this.#failure = failureOf(error, where);
        delayMs = nextDelayMs(delayMs, RECONNECT, random);
        await this.pause(delayMs);
      }
    }
  }

  async #resume(): Promise<void> {
    const { clock, writerId, logger, where, statementTimeoutMs, sharing } = this.#options;
    const client = await this.#connect();
    using _ = clock.schedule(TAKE_PATIENCE_MS + 2 * statementTimeoutMs, () => cutOff(client));
    try {
      const holder = await tryTakeDatabase(client, writerId, sharing);
      const row = holder === undefined ? await resumeWriter(client, writerId, this.undelivered) : undefined;
      if (row === undefined) {
        logger.error("store.taken", { where, holder });
        this.fence(holder);
        await client.end();
        return;
      }
      this.#hold(client, row);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#reconnects.add();
    logger.info("store.connection_back", { where });
  }
}

function lockedError(where: string, holder: string): TroupeError {
  return new TroupeError(
    `Another Troupe works with the database ${where} (${holder}). Stop it first, or give this home a database of its own.`,
    { code: "home.locked", retryable: true },
  );
}

function takenFailure(where: string, holder: string | undefined): StoreFailure {
  const who = holder === undefined ? "" : ` (${holder})`;
  return {
    code: "store.failed",
    message: `Another Troupe has taken the database ${where}${who}; this one writes nothing more. Stop one of the two, and restart this one if it is to stay.`,
    isFatal: true,
  };
}
