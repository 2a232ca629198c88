// A Troupe of several processes in one: each composed as `troupe up --role` does it, with a home of its own, on one
// PostgreSQL, one NATS server and one model on the real wire.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsServer, ScriptedModelServer, TestDatabase } from "@troupe/testing";
import { findPostgres, startScriptedModelServer } from "@troupe/testing";
import { type ServeOptions, type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import type { Role } from "../../server/src/app/roles.ts";

export interface StagedMember {
  readonly serving: Serving;
  readonly home: string;
  readonly id: string;
}

export interface ProcessStage extends AsyncDisposable {
  readonly model: ScriptedModelServer;
  readonly database: TestDatabase;
  /** Files of agents are in the home of a gateway or of one that does everything; the others read the table. */
  start(role: Role, options?: ServeOptions & { readonly agent?: object }): Promise<StagedMember>;
  call(
    member: StagedMember,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

export async function openProcessStage(nats: NatsServer): Promise<ProcessStage | undefined> {
  const postgres = await findPostgres();
  if (postgres === undefined) return undefined;
  const database = await postgres.create();
  const model = await startScriptedModelServer({ models: ["scripted"] });
  const members: StagedMember[] = [];
  let key = "";
  return {
    model,
    database,
    async start(role, { agent = {}, ...options } = {}) {
      const home = mkdtempSync(join(tmpdir(), `troupe-${role}-`));
      const config = {
        version: 1,
        server: { port: 0, metricsPort: 0, adminPort: 0 },
        store: { url: database.url },
        bus: { url: nats.url, prefix: new URL(database.url).pathname.slice(1) },
        blobs: { url: `file:${join(tmpdir(), "troupe-shared-blobs")}` },
        providers: { local: { kind: "openai-compatible", baseUrl: model.baseUrl } },
        models: { default: ["local/scripted"] },
      };
      mkdirSync(join(home, "agents"));
      // JSON is YAML.
      writeFileSync(join(home, "troupe.yaml"), JSON.stringify(config));
      if (role === "gateway" || role === "all")
        writeFileSync(
          join(home, "agents", "ana.yaml"),
          JSON.stringify({ id: "ana", name: "Ana", instructions: "Be kind.", ...agent }),
        );
      const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
      const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
      const serving = await serve(environment, { logger, role, ...options });
      key ||= serving.firstKey?.key ?? "";
      const member = { serving, home, id: serving.troupe.processId };
      members.push(member);
      return member;
    },
    call: ({ serving }, path, body, headers = {}) =>
      fetch(`${serving.addresses?.gateway}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map(({ serving }) => serving.stop({ graceMs: 0 })));
      await model.close();
      await database[Symbol.asyncDispose]();
      for (const { home } of members) rmSync(home, { recursive: true, force: true });
    },
  };
}
