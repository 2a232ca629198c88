import { type MessagePort, workerData } from "node:worker_threads";
import type { Client } from "pg";
import type { Batch } from "../../server/src/store/batch.ts";
import { connect } from "../../server/src/store/postgres/connection.ts";
import { createGroups, preparedName, type Trip } from "../../server/src/store/postgres/groups.ts";
import { migrate } from "../../server/src/store/postgres/migrate.ts";
import {
  Pipeline,
  type PipelineOutcome,
  type Prepared,
  type Step,
} from "../../server/src/store/postgres/pipeline.ts";
import type { StatementText, Value } from "../../server/src/store/statement.ts";
import type { InlineRequest, InlineResponse } from "./postgres-inline.ts";

const { flag, port } = workerData as { readonly flag: Int32Array; readonly port: MessagePort };
const prepared: Prepared = { columns: new Map(), doubtful: new Set() };
const TIMEOUT_MS = 30_000;

/** The server's clock is what the asker says it is, and nothing waits for a disk: here no server is killed. */
const OWN_TIME = `
  SET synchronous_commit = off;
  CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT CAST(current_setting('troupe.now_ms') AS bigint) $$`;

const EMPTY = `DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'troupe\\_%' LOOP
    EXECUTE format('DELETE FROM %I', one.name);
  END LOOP; END $$`;

let client: Client | undefined;
let texts: readonly StatementText[] = [];

function run(nowMs: number, steps: readonly Step[]): Promise<PipelineOutcome> {
  const clock: Step = {
    name: "clock",
    text: "SELECT set_config('troupe.now_ms', $1, false)",
    values: [String(nowMs)],
  };
  return new Promise((resolve) => {
    client?.query(new Pipeline([clock, ...steps], prepared, resolve) as never);
  });
}

function tripAt(nowMs: number): Trip {
  return async (steps) => {
    const outcome = await run(nowMs, steps);
    if (outcome.kind === "done") return { kind: "kept", rows: outcome.rows.slice(1) };
    return { kind: "refused", step: outcome.answered.length - 1, error: outcome.error };
  };
}

async function answer(request: InlineRequest): Promise<unknown> {
  switch (request.kind) {
    case "open":
      client = await connect({
        ...{ url: request.url, applicationName: "troupe-inline", pipeline: false },
        ...{ connectTimeoutMs: TIMEOUT_MS, statementTimeoutMs: TIMEOUT_MS, onEnd: () => undefined },
      });
      await migrate(client, "under test");
      await client.query(OWN_TIME);
      return undefined;
    case "texts":
      texts = request.texts as readonly StatementText[];
      return undefined;
    case "apply":
      return createGroups({ texts: () => texts, trip: tripAt(request.nowMs), where: "under test" })(
        request.batch as Batch,
      );
    case "query": {
      const text = texts[request.index] as StatementText;
      const name = preparedName(request.index, text);
      const step = { name, text: text.sql, values: request.values as readonly Value[] };
      const outcome = await run(request.nowMs, [step]);
      if (outcome.kind === "failed") throw outcome.error;
      return outcome.rows[1];
    }
    case "reset":
      await client?.query(EMPTY);
      return undefined;
    case "close":
      await client?.end();
      return undefined;
  }
}

port.on("message", (request: InlineRequest) => {
  void answer(request)
    .then(
      (found): InlineResponse => ({ answer: found }),
      (error: unknown): InlineResponse => ({
        failure: { code: "store.failed", message: error instanceof Error ? error.message : String(error) },
      }),
    )
    .then((response) => {
      port.postMessage(response);
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
      if (request.kind === "close") port.close();
    });
});
