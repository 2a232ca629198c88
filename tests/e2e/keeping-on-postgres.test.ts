import { join } from "node:path";
import { findPostgres, NO_POSTGRES, startScriptedModelServer } from "@troupe/testing";
import { describe, expect, test, vi } from "vitest";
import type { OutboxReport } from "../../server/src/app/index.ts";
import { createCliHome } from "./cli-home.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** Secrets, backup and the held outbox of a home whose database is a server's. */

const KEY = "key-of-this-home-4711";
const lab = await findPostgres();

describe.skipIf(lab === undefined)(lab === undefined ? `left out: ${NO_POSTGRES}` : "on PostgreSQL", () => {
  test("secrets open, the outbox is held and released, and a backup says whose the database is", async () => {
    if (lab === undefined) throw new Error(NO_POSTGRES);
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await lab.create());
    const model = stack.use(await startScriptedModelServer());
    const cli = stack.use(createCliHome());
    cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
    cli.write(
      "troupe.yaml",
      `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
store: { url: "${database.url}" }
providers:
  local: { kind: openai-compatible, baseUrl: "${model.baseUrl}", apiKey: "\${secret:local}" }
models: { default: [local/scripted] }
`,
    );

    const set = await cli.run(["secret", "set", "local"], { input: KEY });
    const held = await cli.run(["outbox", "hold"]);
    const running = await cli.up();
    const answer = await cli.run(["chat", "hello", "--agent", "ana"]);
    const rotated = await cli.run(["secret", "rotate"]);
    const report = await cli.json<OutboxReport>("outbox", "list");
    const released = await cli.run(["outbox", "release", "--discard"]);
    const file = join(cli.folder, "one.tar.zst");
    const backup = await cli.run(["backup", file]);
    await running.stop();
    const elsewhere = join(cli.folder, "second");
    const restored = await cli.run(["restore", file, "--home", elsewhere]);
    const rows = await database.query("SELECT * FROM secrets");

    expect([set.code, held.code, answer.code, rotated.code, released.code]).toEqual([0, 0, 0, 0, 0]);
    expect(model.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(report.hold?.reason).toBe("The operator holds the outbox.");
    expect(rows).toEqual([expect.objectContaining({ name: "local", key_version: expect.anything() })]);
    expect(JSON.stringify(rows)).not.toContain(KEY);
    expect(backup).toMatchObject({ code: 0, out: expect.stringContaining("such as pg_dump") });
    expect(restored.out).toContain("./troupe outbox hold before the first start");
  });
});
