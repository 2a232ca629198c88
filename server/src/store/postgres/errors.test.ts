import { expect, test } from "vitest";
import { decodeText, encodeValue, placeOf } from "./connection.ts";
import { failureOf, isLost, isTransient } from "./errors.ts";

/** As the server tells of a failure. */
const told = (code: string, message = "told") => ({ code, message, severity: "ERROR" });

test.each([
  ["53100", "store.full", "Free some space on the server"],
  ["25006", "store.readonly", "Point store.url at the primary server"],
  ["28P01", "store.failed", "Check the user and the password"],
  ["3D000", "store.failed", "createdb NAME"],
  ["42501", "store.readonly", "Make it the owner"],
  ["53300", "store.busy", "Raise max_connections"],
  ["XX001", "store.corrupt", "restore a backup"],
  ["57014", "store.busy", "Try again shortly"],
  ["40P01", "store.busy", "Try again shortly"],
  ["57P01", "store.busy", "Check that its server runs"],
  ["22012", "store.failed", "refused a statement"],
])("SQLSTATE %s is %s, and the sentence says what to do", (state, code, sentence) => {
  const failure = failureOf(told(state), "troupe on db:5432");

  expect(failure.code).toBe(code);
  expect(failure.message).toContain(sentence);
  expect(failure.message).toContain("troupe on db:5432");
});

test("tells apart what lost against others, what broke, and what was refused", () => {
  const socket = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const kinds = [
    told("40001"),
    told("23505"),
    told("57P01"),
    { ...told("57P03"), severity: "FATAL" },
    socket,
    told("22P02"),
  ];

  expect(kinds.map(isTransient)).toEqual([true, true, false, false, false, false]);
  expect(kinds.map(isLost)).toEqual([false, false, true, true, true, false]);
});

test("an address is told without user and password", () => {
  expect(placeOf("postgres://troupe:sekret@db.example:5433/one?sslmode=require")).toBe(
    "one on db.example:5433",
  );
  expect(placeOf("postgres://troupe:sekret@db.example")).toBe("(default) on db.example:5432");
  expect(placeOf("postgres:///two?host=/run/postgresql")).toBe("two on /run/postgresql:5432");
});

test("values arrive as SQLite gives them, and what the server's texts cannot hold is replaced", () => {
  expect([
    decodeText(20, "9007199254740991"),
    decodeText(16, "t"),
    decodeText(16, "f"),
    decodeText(114, "[1]"),
  ]).toEqual([9007199254740991, 1, 0, "[1]"]);
  expect([decodeText(25, null), encodeValue(null), encodeValue(5)]).toEqual([null, null, "5"]);
  expect(encodeValue(`a${String.fromCharCode(0)}b`)).toBe("a\ufffdb");
});
