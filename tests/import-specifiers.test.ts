import { expect, test } from "vitest";
import { importsOf } from "./import-specifiers.ts";

function named(source: string): (string | undefined)[] {
  return importsOf(source).map(({ specifier }) => specifier);
}

test.each([
  ['import { a } from "./a.ts";', "./a.ts"],
  ['import "./a.ts";', "./a.ts"],
  ['import type { A } from "./a.ts";', "./a.ts"],
  ['import a, { type B } from\n  "./a.ts";', "./a.ts"],
  ['export { a } from "./a.ts";', "./a.ts"],
  ["export * from './a.ts';", "./a.ts"],
  ['const a = await import("./a.ts");', "./a.ts"],
  ['let a: import("./a.ts").A;', "./a.ts"],
  ["const a = await import(`./a.ts`);", "./a.ts"],
  ['const a = require("./a.cjs");', "./a.cjs"],
  ['const a = import.meta.resolve("pkg");', "pkg"],
  ['new Worker(new URL("./a.worker.ts", import.meta.url));', "./a.worker.ts"],
  ['const a = `text ${await import("./a.ts")} text`;', "./a.ts"],
  ['const quote = /["`]/; import("./a.ts");', "./a.ts"],
  ['const half = total / 2; import("./a.ts"); // half / 2', "./a.ts"],
])("%s is an import", (source, specifier) => {
  expect(named(source)).toEqual([specifier]);
});

test.each([
  '// import "./a.ts";',
  '/* import { a } from "./a.ts"; */',
  "const text = 'import \"./a.ts\"';",
  'const text = `import "./a.ts"`;',
  'const file = new URL("../a.ts", import.meta.url);',
  'const a = Array.from("./a.ts");',
  'registry.import("./a.ts");',
  'const quoted = /from "x"/;',
])("%s is no import", (source) => {
  expect(named(source)).toEqual([]);
});

test("an import() of anything but a literal is found without a name", () => {
  expect(importsOf("\n\nawait import(name);")).toEqual([{ specifier: undefined, line: 3 }]);
  expect(named("await import(`./${name}.ts`);")).toEqual([undefined]);
});

test("each import is found with its line, past comments and texts of many lines", () => {
  const source = '/* a\n b */\nimport "x";\nconst t = `\n${"y"}\n`;\nimport "z";\n';

  expect(importsOf(source)).toEqual([
    { specifier: "x", line: 3 },
    { specifier: "z", line: 7 },
  ]);
});
