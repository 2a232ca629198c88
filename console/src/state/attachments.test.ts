import { expect, test } from "vitest";
import { sortFiles } from "./attachments.ts";

test("files that are too large, empty or too many are told apart from those that may go", () => {
  const file = (name: string, size = 1) => ({ name, size });
  const many = Array.from({ length: 3 }, (_, i) => file(`f${i}`));
  const { good, refused } = sortFiles([file("big", 101), file("none", 0), ...many], 8, 100);
  expect(good.map(({ name }) => name)).toEqual(["f0", "f1"]);
  expect(refused).toEqual([
    { name: "big", why: "size" },
    { name: "none", why: "empty" },
    { name: "f2", why: "count" },
  ]);
});
