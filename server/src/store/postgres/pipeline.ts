import type { Row, Value } from "../statement.ts";
import { decodeText, encodeValue } from "./connection.ts";

/** One statement of a round trip. */
export interface Step {
  /** Name of the prepared statement; the same name always has the same text. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly Value[];
}

/** What one connection has prepared, and what the columns of it are. */
export interface Prepared {
  /** Types of the columns by the name of the statement; absent when it is not prepared. */
  readonly columns: Map<string, readonly number[]>;
  /** Statements that a broken round trip may have prepared or not. */
  readonly doubtful: Set<string>;
}

export type PipelineOutcome =
  | { readonly kind: "done"; readonly rows: readonly (readonly Row[])[] }
  /** `answered` steps were answered before the error; all of them, and the commit itself failed or is not known. */
  | { readonly kind: "failed"; readonly error: unknown; readonly answered: readonly (readonly Row[])[] };

/** The driver's connection, as far as it is written to. Source: pg/lib/connection.js. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly (string | null)[] }): void;
  describe(message: { readonly type: "P"; readonly name: string }): void;
  execute(message: { readonly portal: string }): void;
  close(message: { readonly type: "S"; readonly name: string }): void;
  flush(): void;
  sync(): void;
}

/**
 * Statements that are one transaction and one round trip: all are sent at once, and the server commits when it comes to
 * the end, unless one failed. Answers are asked for before the commit, so that they are mostly here when the connection
 * breaks in the middle of it. Handed to the driver as its queries are. Source: postgresql.org/docs/15/protocol-flow.html
 * §55.2.3 (pipelining), pg/lib/client.js (submittable).
 */
export class Pipeline {
  readonly #steps: readonly Step[];
  readonly #prepared: Prepared;
  readonly #done: (outcome: PipelineOutcome) => void;
  readonly #answered: Row[][] = [];
  readonly #fresh = new Set<string>();
  #rows: Row[] = [];
  #isOver = false;

  constructor(steps: readonly Step[], prepared: Prepared, done: (outcome: PipelineOutcome) => void) {
    this.#steps = steps;
    this.#prepared = prepared;
    this.#done = done;
  }

  submit(connection: unknown): Error | null {
    const wire = connection as Wire;
    wire.stream.cork();
    try {
      for (const step of this.#steps) this.#send(wire, step);
      wire.flush();
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  #send(wire: Wire, { name, text, values }: Step): void {
    const { columns, doubtful } = this.#prepared;
    const isNew = !columns.has(name) && !this.#fresh.has(name);
    if (isNew) {
      if (doubtful.delete(name)) wire.close({ type: "S", name });
      wire.parse({ name, text });
      this.#fresh.add(name);
    }
    wire.bind({ statement: name, values: values.map(encodeValue) });
    if (isNew) wire.describe({ type: "P", name: "" });
    wire.execute({ portal: "" });
  }

  handleRowDescription({ fields }: { readonly fields: readonly { readonly dataTypeID: number }[] }): void {
    const step = this.#steps[this.#answered.length];
    if (step !== undefined)
      this.#prepared.columns.set(
        step.name,
        fields.map(({ dataTypeID }) => dataTypeID),
      );
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const types = this.#prepared.columns.get(this.#steps[this.#answered.length]?.name ?? "") ?? [];
    this.#rows.push(fields.map((text, i) => decodeText(types[i] ?? 0, text)));
  }

  handleCommandComplete(): void {
    const step = this.#steps[this.#answered.length];
    // A statement without columns is described by nothing.
    if (step !== undefined && !this.#prepared.columns.has(step.name))
      this.#prepared.columns.set(step.name, []);
    this.#answered.push(this.#rows);
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.#end({ kind: "done", rows: this.#answered });
  }

  handleError(error: unknown): void {
    for (const name of this.#fresh) {
      if (this.#prepared.columns.has(name)) continue;
      this.#prepared.doubtful.add(name);
    }
    this.#end({ kind: "failed", error, answered: this.#answered });
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  #end(outcome: PipelineOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done(outcome);
  }
}
