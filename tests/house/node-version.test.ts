import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

test("tests run under Node 24, whichever Node the machine has", () => {
  expect(process.version).toMatch(/^v24\./);
});

test("every pinned Node is of one version, and new enough for the engines field", () => {
  const pinned = Object.entries<string>(manifest.optionalDependencies).filter(([name]) =>
    name.startsWith("node-"),
  );

  expect(new Set(pinned.map(([, version]) => version)).size).toBe(1);
  const [, minor] = pinned[0]?.[1].split(".").map(Number) ?? [];
  expect(minor).toBeGreaterThanOrEqual(Number(manifest.engines.node.split(".")[1]));
});
