import type { PersonLink } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createPersonBook, joined } from "./person-book.ts";

const options = { signal: new AbortController().signal };
const link = (one: string, other: string): PersonLink => ({
  ...{ id: `${one}-${other}`, spaceId: "default", names: [one, other], proof: "code", linkedAt: 1 },
});

function setUp(open: () => readonly PersonLink[]) {
  const clock = createManualClock();
  const logger = createLogRecorder();
  let reads = 0;
  const book = createPersonBook({
    persons: {
      open: async () => {
        reads += 1;
        return open();
      },
    },
    ...{ clock, logger },
  });
  const namesOf = (name: string) => book.namesOf("default", name, options);
  return { clock, logger, book, namesOf, reads: () => reads };
}

it("knows all names of a person over several links, and of strangers theirs alone", async () => {
  const { namesOf } = setUp(() => [link("a", "b"), link("c", "d"), link("b", "c"), link("x", "y")]);

  expect(await namesOf("c")).toEqual(["c", "a", "b", "d"]);
  expect(await namesOf("y")).toEqual(["y", "x"]);
  expect(await namesOf("z")).toEqual(["z"]);
});

it("splits people again exactly where a link was", () => {
  const links = [link("a", "b"), link("b", "c"), link("c", "d")];

  const split = joined(links.filter(({ id }) => id !== "b-c"));

  expect([split.get("a"), split.get("d")]).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
});

it("reads once a minute at most, and each time while links change", async () => {
  const { clock, book, namesOf, reads } = setUp(() => []);
  await namesOf("a");
  expect(namesOf("b")).toEqual(["b"]);
  expect(reads()).toBe(1);

  clock.sleep(60_000);
  await namesOf("a");
  book.changing();
  await namesOf("a");
  await namesOf("a");
  expect(reads()).toBe(4);

  clock.sleep(30_000);
  await namesOf("a");
  expect(namesOf("a")).toEqual(["a"]);
});

it("links nobody while the links cannot be read, and says so", async () => {
  const { namesOf, logger } = setUp(() => {
    throw new Error("gone");
  });

  expect(await namesOf("a")).toEqual(["a"]);
  expect(logger.troubles()).toEqual(["persons.unread"]);
});
