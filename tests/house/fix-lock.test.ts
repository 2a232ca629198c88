import { expect, test } from "vitest";
import { completed, missingRecords } from "../../scripts/fix-lock.mjs";

const parent = (optionalDependencies: Record<string, string>, dev = true) => ({
  version: "2.0.0",
  dev,
  optionalDependencies,
});

test("an optional package that the lock lacks is recorded with the platform that its name tells", () => {
  const tool = parent({
    "@tool/cli-linux-x64-musl": "2.0.0",
    "@tool/cli-darwin-arm64": "2.0.0",
    "tool-ppc64le": "2.0.0",
  });

  expect(missingRecords({ "node_modules/tool": tool })).toEqual({
    "node_modules/@tool/cli-linux-x64-musl": {
      version: "2.0.0",
      cpu: ["x64"],
      dev: true,
      libc: ["musl"],
      optional: true,
      os: ["linux"],
    },
    "node_modules/@tool/cli-darwin-arm64": {
      version: "2.0.0",
      cpu: ["arm64"],
      dev: true,
      optional: true,
      os: ["darwin"],
    },
    "node_modules/tool-ppc64le": { version: "2.0.0", cpu: ["ppc64"], dev: true, optional: true },
  });
});

test("a package of the product is not recorded as one for development", () => {
  const records = missingRecords({ "node_modules/tool": parent({ "tool-win32-x64": "1.0.0" }, false) });

  expect(records["node_modules/tool-win32-x64"]).toEqual({
    version: "1.0.0",
    cpu: ["x64"],
    optional: true,
    os: ["win32"],
  });
});

test("a record is found where Node would find it: beside its parent, or in any node_modules above", () => {
  const here = { version: "1.0.0" };

  expect(
    missingRecords({
      "": { optionalDependencies: { a: "1.0.0" } },
      server: { optionalDependencies: { b: "1.0.0" } },
      "node_modules/a": { ...here, optionalDependencies: { c: "1.0.0", b: "1.0.0" } },
      "node_modules/a/node_modules/c": { ...here, optionalDependencies: { d: "1.0.0" } },
      "node_modules/b": here,
      "node_modules/a/node_modules/d": here,
    }),
  ).toEqual({});
});

test("a version that is not exact is refused, for nobody could know which one to record", () => {
  expect(() => missingRecords({ "node_modules/tool": parent({ "tool-linux-arm": "^2.0.0" }) })).toThrow(
    "node_modules/tool asks for tool-linux-arm ^2.0.0; only an exact version can be recorded",
  );
});

test("a second run changes nothing", () => {
  const lock = { name: "x", packages: { "node_modules/tool": parent({ "@tool/linux-x64": "2.0.0" }) } };
  const first = completed(JSON.stringify(lock));

  const second = completed(first.text);

  expect(first.added).toEqual(["node_modules/@tool/linux-x64"]);
  expect(second).toEqual({ text: first.text, added: [] });
});
