import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { budgetRulesOf } from "../budgets.ts";
import { requireConfig } from "./load.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-guide-"));
  mkdirSync(join(home, "agents"));
  writeFileSync(join(home, "agents", "ana.yaml"), "id: ana\nname: Ana\ninstructions: Help.\n");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("what the guide on models and money shows is a valid configuration, and its budgets are in force", () => {
  const guide = readFileSync(new URL("../../../../docs/guide/models-and-money.md", import.meta.url), "utf8");
  const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block);
  writeFileSync(join(home, "troupe.yaml"), blocks.join("\n"));

  const config = requireConfig({
    environment: { home, variables: {} },
    secrets: { find: () => ({ kind: "value", value: "a key" }) },
  });

  expect(blocks).toHaveLength(4);
  expect(config.tape).toEqual({ record: true, keepDays: 7, maxBytes: 524_288 });
  expect(Object.keys(config.providers)).toContain("claude");
  expect(budgetRulesOf(config)).toMatchObject([
    { name: "all", per: "space", dailyMicroUsd: 5_000_000, monthlyMicroUsd: 60_000_000, atLimit: "refuse" },
    { name: "each", per: "agent", dailyMicroUsd: 1_000_000, atLimit: "cheaper", cheaperModel: "small" },
    { name: "guests", per: "peer", dailyMicroUsd: 200_000, atLimit: "ask" },
    { name: "kate", per: "peer", only: ["kate"], monthlyMicroUsd: 10_000_000 },
  ]);
});
