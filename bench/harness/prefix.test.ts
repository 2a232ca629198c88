import { describe, expect, test } from "vitest";
import { commonPrefixBytes } from "./prefix.ts";

const common = (previous: string, next: string): number =>
  commonPrefixBytes(Buffer.from(previous), Buffer.from(next));

describe("the common prefix of two requests", () => {
  test("ends where the first byte differs", () => {
    expect(common('{"messages":[1,2]}', '{"messages":[1,2,3]}')).toBe('{"messages":[1,2'.length);
    expect(common("a", "b")).toBe(0);
  });

  test("is the shorter of the two when the other only adds to it", () => {
    expect(common("abc", "abcdef")).toBe(3);
    expect(common("abcdef", "abc")).toBe(3);
    expect(common("abc", "abc")).toBe(3);
    expect(common("", "abc")).toBe(0);
  });

  test("counts bytes, not characters", () => {
    expect(common("жук", "жуг")).toBe(4 + 1);
  });

  test("is found at every place of a long request", () => {
    const previous = Buffer.alloc(1000, 1);
    for (let place = 0; place < previous.length; place++) {
      const next = Buffer.from(previous);
      next[place] = 2;
      expect(commonPrefixBytes(previous, next)).toBe(place);
    }
  });
});
