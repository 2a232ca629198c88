import { describe, expect, test } from "vitest";
import { figure } from "../figure.ts";
import { formatJson, formatTable, formatValue } from "./table.ts";

const FIGURES = [
  figure("turn", "CPU, over ai-http", 0.4512, "ratio", { atMost: 0.6 }),
  figure("concurrency", "turns a second", 2.5, "ratio", { atLeast: 3 }),
  figure("turn", "fsync, p50", 0.21, "ms"),
];

describe("a figure", () => {
  test("holds at its bound and on the right side of it, and only there", () => {
    const holds = (value: number, target: Parameters<typeof figure>[4]): boolean | null =>
      figure("a", "b", value, "ms", target).holds;

    expect([holds(0.6, { atMost: 0.6 }), holds(0.61, { atMost: 0.6 })]).toEqual([true, false]);
    expect([holds(3, { atLeast: 3 }), holds(2.99, { atLeast: 3 })]).toEqual([true, false]);
    expect(holds(1, undefined)).toBeNull();
  });

  test("is judged before it is rounded", () => {
    expect(figure("a", "b", 0.600_000_001, "ms", { atMost: 0.6 })).toMatchObject({
      value: 0.6,
      holds: false,
    });
  });

  test("is refused when it is no number", () => {
    expect(() => figure("a", "b", Number.NaN, "ms")).toThrow("a: b is NaN");
    expect(() => figure("a", "b", 1 / 0, "ms", { atLeast: 1 })).toThrow("Infinity");
  });
});

describe("the output for programs", () => {
  test("is one line of JSON a figure, with exactly the six fields", () => {
    const lines = formatJson(FIGURES).split("\n");

    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(
      '{"subject":"turn","metric":"CPU, over ai-http","value":0.4512,"unit":"ratio","target":"<= 0.6","holds":true}',
    );
    expect(lines[2]).toBe(
      '{"subject":"turn","metric":"fsync, p50","value":0.21,"unit":"ms","target":null,"holds":null}',
    );
  });
});

describe("the output for people", () => {
  test("is a table whose columns line up and that shouts where a target is missed", () => {
    expect(formatTable(FIGURES).split("\n")).toEqual([
      "subject      metric             value  unit   target  holds",
      "-----------  -----------------  -----  -----  ------  -----",
      "turn         CPU, over ai-http  0.451  ratio  <= 0.6  yes",
      "concurrency  turns a second      2.50  ratio  >= 3    NO",
      "turn         fsync, p50         0.210  ms",
    ]);
  });

  test("shows three digits that matter, and all before the point", () => {
    expect([0, 7, 1234.56, 123.456, 12.345, 1.2345, 0.012_345, -0.5].map(formatValue)).toEqual([
      "0",
      "7",
      "1235",
      "123",
      "12.3",
      "1.23",
      "0.0123",
      "-0.500",
    ]);
  });
});
