// Folders, TypeScript projects, the solution list and references must agree: a folder that is in no project, or a
// project that is not in the solution, is checked by nobody, and a reference too many lets a forbidden import compile.
// `node tests/write-projects.ts` writes all of them anew, after a folder has come or gone.
import { posix } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Tree } from "./layers.ts";

export interface ProjectFile {
  readonly extends: string;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly references: readonly { readonly path: string }[];
}

/** Sentences, each naming the file and what is wrong with it; none when all agree. */
export function projectBreaches(tree: Tree): string[] {
  const wanted = projectsOf(tree);
  const breaches: string[] = [];
  for (const project of wanted) {
    const file = `${project}/tsconfig.json`;
    const text = tree.get(file);
    if (text === undefined) breaches.push(`${project}: no tsconfig.json, so the compiler does not see it`);
    else breaches.push(...differences(file, JSON.parse(text), expectedProject(project, wanted)));
  }
  for (const file of tree.keys()) {
    const project = posix.dirname(file);
    if (posix.basename(file) === "tsconfig.json" && project !== "." && !wanted.includes(project)) {
      breaches.push(`${file}: a project where none belongs`);
    }
  }
  const solution = JSON.parse(tree.get("tsconfig.json") ?? "{}");
  return [
    ...breaches,
    ...differences("tsconfig.json", solution, expectedSolution(wanted)),
    ...manifestBreaches(tree),
  ];
}

/** Every folder of server/src, every other workspace, scripts and tests. */
export function projectsOf(tree: Tree): string[] {
  const workspaces: string[] = JSON.parse(tree.get("package.json") ?? "{}").workspaces ?? [];
  const folders = new Set<string>();
  for (const file of tree.keys()) {
    const folder = /^server\/src\/[^/]+(?=\/)/.exec(file)?.[0];
    if (folder) folders.add(folder);
  }
  return [...workspaces.filter((name) => name !== "server"), ...folders, "scripts", "tests"].sort();
}

/** The console runs in browsers and is put together by Vite, so it may hold JSX and knows the DOM. */
const FOR_BROWSERS = {
  jsx: "react-jsx",
  lib: ["esnext", "dom", "dom.iterable"],
  module: "preserve",
  types: ["node", "vite/client"],
  isolatedDeclarations: false,
};

/** What the tsconfig.json of a project says; `all` are the projects there are. */
export function expectedProject(project: string, all: readonly string[]): ProjectFile {
  const up = posix.relative(project, ".");
  const types = `${up}/.cache/types/${project}`;
  return {
    extends: `${up}/tsconfig.base.json`,
    compilerOptions: {
      rootDir: project === "tests" ? ".." : ".",
      outDir: types,
      tsBuildInfoFile: `${types}.tsbuildinfo`,
      // The scripts are JavaScript with types in comments, and tests import them; neither writes types for others to read.
      ...(project === "scripts" ? { checkJs: true } : {}),
      ...(project === "tests" || project === "scripts" ? { allowJs: true, isolatedDeclarations: false } : {}),
      ...(project === "console" ? FOR_BROWSERS : {}),
    },
    ...filesOf(project, all),
    references: referencesOf(project, all).map((target) => ({ path: posix.relative(project, target) })),
  };
}

function filesOf(project: string, all: readonly string[]): Pick<ProjectFile, "include" | "exclude"> {
  if (project === "scripts") return { include: ["**/*.mjs"] };
  if (project === "console") return { include: ["**/*.ts", "**/*.tsx"], exclude: ["**/*.test.ts"] };
  if (project !== "tests") return { include: ["**/*.ts"], exclude: ["**/*.test.ts"] };
  // A test may look at anything, so all tests, those beside their source too, make one project above the others.
  const tops = new Set(
    all.map((name) => name.split("/")[0]).filter((name) => name !== "tests" && name !== "scripts"),
  );
  return {
    include: ["**/*.ts", "../vitest.config.ts", ...[...tops].sort().map((top) => `../${top}/**/*.test.ts`)],
  };
}

function referencesOf(project: string, all: readonly string[]): readonly string[] {
  const server = (name: string) => `server/src/${name}`;
  const folders = all.filter((name) => name.startsWith("server/src/"));
  switch (project) {
    case "contracts":
    case "scripts":
      return [];
    case "console":
    case "testing":
    case server("kit"):
      return ["contracts"];
    case server("cli"):
      return ["contracts", server("kit"), server("app")];
    case server("app"):
      return ["contracts", ...folders.filter((name) => name !== project && name !== server("cli"))];
    case "bench":
      return ["contracts", "testing", ...folders];
    case "tests":
      return all.filter((name) => name !== "tests");
    default:
      return ["contracts", server("kit")];
  }
}

export function expectedSolution(all: readonly string[]): object {
  return { files: [], references: all.map((project) => ({ path: `./${project}` })) };
}

function differences(file: string, found: Record<string, unknown>, expected: object): string[] {
  const keys = new Set([...Object.keys(found), ...Object.keys(expected)]);
  return [...keys].flatMap((key) => {
    const [is, shouldBe] = [found[key], (expected as Record<string, unknown>)[key]];
    if (Array.isArray(is) && Array.isArray(shouldBe)) return listDifferences(`${file}: ${key}`, is, shouldBe);
    return isDeepStrictEqual(is, shouldBe)
      ? []
      : [`${file}: ${key} is ${text(is)}, but should be ${text(shouldBe)}`];
  });
}

/** References and globs mean the same in any order. */
function listDifferences(where: string, found: readonly unknown[], expected: readonly unknown[]): string[] {
  const [is, shouldBe] = [found.map(text), expected.map(text)];
  const lacks = shouldBe.filter((item) => !is.includes(item));
  const extra = is.filter((item, index) => !shouldBe.includes(item) || is.indexOf(item) !== index);
  return [
    ...(lacks.length > 0 ? [`${where} should hold ${lacks.join(", ")}`] : []),
    ...(extra.length > 0 ? [`${where} should not hold ${extra.join(", ")}`] : []),
  ];
}

function text(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

function manifestBreaches(tree: Tree): string[] {
  return [...tree].flatMap(([file, content]) => {
    if (posix.basename(file) !== "package.json" || file === "package.json") return [];
    const { dependencies = {}, peerDependencies } = JSON.parse(content);
    const breaches: string[] = [];
    // npm counts the peers of a private workspace as production: one such entry brought 40 packages of test tools along.
    if (peerDependencies) breaches.push(`${file}: a workspace has no peerDependencies; use devDependencies`);
    if (file !== "testing/package.json" && "@troupe/testing" in dependencies) {
      breaches.push(`${file}: only tests use @troupe/testing; move it to devDependencies`);
    }
    if (file === "contracts/package.json" && Object.keys(dependencies).length > 0) {
      breaches.push(`${file}: contracts depends on nothing`);
    }
    return breaches;
  });
}
