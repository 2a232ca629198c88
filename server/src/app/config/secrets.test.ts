import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  formatProblem,
  type LoadResult,
  loadConfig,
  peekSecrets,
  type SecretFinding,
  showConfig,
} from "./index.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-config-"));
  mkdirSync(join(home, "agents"));
  writeFileSync(join(home, "agents/ana.yaml"), "id: ana\nname: Ana\ninstructions: Be kind.\n");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function load(text: string, find: (name: string) => SecretFinding): LoadResult {
  writeFileSync(join(home, "troupe.yaml"), text);
  return loadConfig({ environment: { home, variables: {} }, secrets: { find } });
}

const provider = (lines: string): string =>
  `version: 1\nproviders:\n  x:\n    kind: openai-compatible\n    baseUrl: http://localhost/v1\n${lines}`;
const WITH_KEY = provider("    apiKey: ${secret:x}\n");

describe("${secret:name}", () => {
  test("takes the secret's value, also within a text, and is shown as written", () => {
    const loaded = load(provider('    headers: { authorization: "Token ${secret:x}" }\n'), () => ({
      kind: "value",
      value: "open-sesame",
    }));
    if (loaded.kind !== "valid") throw new Error("The configuration is not valid.");

    expect(loaded.config.providers.x?.headers).toEqual({ authorization: "Token open-sesame" });
    expect(showConfig(loaded.config)).toContain("authorization: Token ${secret:x}");
    expect(showConfig(loaded.config)).not.toContain("open-sesame");
  });

  test("that is not set is a fault with line and command", () => {
    const loaded = load(WITH_KEY, () => ({ kind: "missing" }));

    expect(loaded.kind === "invalid" && loaded.problems.map(formatProblem)).toEqual([
      'troupe.yaml:6  providers.x.apiKey needs the secret "x", which is not set.\n               Set it: ./troupe secret set x.',
    ]);
  });

  test("that cannot be opened leaves its provider out, and is a fault everywhere else", () => {
    const find = (): SecretFinding => ({ kind: "unreadable", message: "The master key is wrong." });
    const ofProvider = load(WITH_KEY, find);
    const ofServer = load('version: 1\nserver: { host: "${secret:x}" }\n', find);

    expect(ofProvider.kind === "valid" && [...ofProvider.config.unreadable]).toEqual([
      ["providers.x.apiKey", "The master key is wrong."],
    ]);
    expect(ofServer.kind === "invalid" && ofServer.problems.map(formatProblem)).toEqual([
      'troupe.yaml:2  server.host needs the secret "x".\n               The master key is wrong.',
    ]);
  });
});

describe("before the store is open", () => {
  const peek = (text: string) => peekSecrets(text, { home, variables: { DB: "sqlite:other.db" } });

  test("names are found outside of comments, each once, and the store's address with its placeholders", () => {
    expect(
      peek(
        `# \${secret:no}\nstore: { url: "\${DB}" }\na: \${secret:x}\nb: ['\${secret:y}', '\${secret:x}']\n`,
      ),
    ).toEqual({
      names: ["x", "y"],
      storeUrl: "sqlite:other.db",
      isCircular: false,
    });
    expect(peek("a: $${secret:x}\n").names).toEqual([]);
    expect(peek(WITH_KEY).storeUrl).toBe("sqlite:data/troupe.db");
  });

  test("an address that is a secret itself, or a broken file, gives none", () => {
    expect(peek('store: { url: "${secret:db}" }\n')).toMatchObject({ storeUrl: undefined, isCircular: true });
    expect(peek("a: ${secret:x}\nstore: [\n").storeUrl).toBeUndefined();
  });
});
