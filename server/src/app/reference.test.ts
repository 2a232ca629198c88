import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { referenceFiles } from "./reference.ts";

test.each(Object.entries(referenceFiles()))(
  "%s is what node scripts/generate-reference.mjs writes",
  (path, text) => {
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")).toBe(text);
  },
);
