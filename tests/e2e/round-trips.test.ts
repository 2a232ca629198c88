import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgres, NO_POSTGRES, startScriptedModelServer } from "@troupe/testing";
import { expect, it } from "vitest";
import { serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";

const postgres = await findPostgres();

it("a turn on PostgreSQL writes twice, to be accepted and to be finished, and reads little", async ({
  skip,
}) => {
  if (postgres === undefined) return skip(NO_POSTGRES);
  await using database = await postgres.create();
  await using stack = new AsyncDisposableStack();
  const model = stack.adopt(await startScriptedModelServer(), (server) => server.close());
  const home = stack.adopt(mkdtempSync(join(tmpdir(), "troupe-trips-")), (path) =>
    rmSync(path, { recursive: true }),
  );
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
store: { url: "${database.url}" }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted] }
`,
  );
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
  const serving = stack.adopt(await serve(environment, { logger }), (one) => one.stop({ graceMs: 0 }));
  const trips = (kind: string): number =>
    Number(
      new RegExp(`store_round_trips_total\\{kind="${kind}"\\} (\\d+)`).exec(
        serving.troupe.metrics.render(),
      )?.[1],
    );
  const costs: { readonly writes: number; readonly reads: number }[] = [];
  for (let turn = 0; turn < 12; turn++) {
    const [writes, reads] = [trips("write"), trips("read")];
    const response = await fetch(`${serving.addresses?.gateway}/api/agents/ana/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${serving.firstKey?.key}`, "content-type": "application/json" },
      body: JSON.stringify({ text: `Hello for the ${turn}. time.`, session: "s" }),
    });
    expect(response.status).toBe(200);
    await response.text();
    costs.push({ writes: trips("write") - writes, reads: trips("read") - reads });
  }

  // Now and then the lease, the index or an effect falls into a turn; most turns are alone.
  const least = (pick: (cost: (typeof costs)[number]) => number): number => Math.min(...costs.map(pick));
  expect(least(({ writes }) => writes)).toBe(2);
  expect(least(({ reads }) => reads)).toBeLessThanOrEqual(2);
});
