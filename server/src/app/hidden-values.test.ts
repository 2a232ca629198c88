import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "./config/index.ts";
import { hiddenValues } from "./secrets.ts";

test("what a placeholder brought into keys of providers and of the episode memory is hidden, a default is not", () => {
  const home = mkdtempSync(join(tmpdir(), "troupe-hidden-"));
  mkdirSync(join(home, "agents"));
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
providers:
  local: { kind: openai-compatible, baseUrl: "http://127.0.0.1:1/v1", apiKey: "\${LOCAL:-none}" }
  cloud: { kind: openai, apiKey: "\${CLOUD}" }
episodes: { url: "https://memory.example.com/v1", apiKey: "\${EPISODES}" }
`,
  );
  const variables = { CLOUD: "key-of-the-cloud", EPISODES: "key-of-the-memory" };

  const environment = { home, runtimeDirectory: home, noColor: true, variables };
  const loaded = loadConfig({ environment });
  rmSync(home, { recursive: true });

  expect(loaded.kind === "valid" ? hiddenValues(loaded.config) : loaded.problems).toEqual([
    "key-of-the-cloud",
    "key-of-the-memory",
  ]);
});
