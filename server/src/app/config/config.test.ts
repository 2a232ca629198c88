import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_LANES } from "../../kit/index.ts";
import { type Config, formatProblem, loadConfig, requireConfig, showConfig } from "./index.ts";

const ANA = "id: ana\nname: Ana\nmodel: default\ninstructions: You are a helpful assistant.\n";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-config-"));
  mkdirSync(join(home, "agents"));
  write("agents/ana.yaml", ANA);
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(home, name), text);
}

function load(text: string, variables: Record<string, string> = {}, toolNames?: readonly string[]): Config {
  write("troupe.yaml", text);
  return requireConfig({
    environment: { home, variables },
    ...(toolNames === undefined ? {} : { toolNames }),
  });
}

/** Every problem as people read it. */
function problems(
  text: string,
  variables: Record<string, string> = {},
  toolNames?: readonly string[],
): string[] {
  write("troupe.yaml", text);
  const result = loadConfig({
    environment: { home, variables },
    ...(toolNames === undefined ? {} : { toolNames }),
  });
  return result.kind === "valid" ? [] : result.problems.map(formatProblem);
}

describe("a valid configuration", () => {
  test("needs no more than its version, and every setting has its default", () => {
    const config = load("version: 1\n");

    expect(config.server).toEqual({ host: "127.0.0.1", port: 8080, metricsPort: 9090, adminPort: 9091 });
    expect(config.store.url).toBe("sqlite:data/troupe.db");
    expect(config.models).toEqual({ default: ["offline/guide"] });
    expect(config.turns).toEqual({
      ...{ deadlineSeconds: 300, maxSteps: 16, historyTokens: 48_000, whileBusy: "queue" },
    });
    expect(config.agents).toEqual([
      {
        id: "ana",
        name: "Ana",
        model: "default",
        instructions: "You are a helpful assistant.",
      },
    ]);
  });

  test("may be the one that the design shows, with a port for gRPC", () => {
    const config = load(
      [
        "version: 1",
        "server: { host: 127.0.0.1, port: 8080, metricsPort: 9090, adminPort: 9091, grpcPort: 50051 }",
        'store: { url: "sqlite:data/troupe.db" }',
        'bus: { url: "local:" }',
        'blobs: { url: "file:data/blobs" }',
        "providers:",
        '  local: { kind: openai-compatible, baseUrl: "http://127.0.0.1:11434/v1", apiKey: "${LOCAL_API_KEY:-none}" }',
        "models:",
        "  default: [local/llama3.2, offline/guide]",
      ].join("\n"),
    );

    expect(config.server.grpcPort).toBe(50_051);
    expect(config.providers.local?.apiKey).toBe("none");
  });

  test("keeps what an agent says of its turns apart from what all of them do", () => {
    write("agents/ana.yaml", `${ANA}maxSteps: 3\ndeadlineSeconds: 10\nwhileBusy: steer\n`);

    const [ana] = load("version: 1\nturns: { maxSteps: 5 }\n").agents;

    expect(ana).toMatchObject({ maxSteps: 3, deadlineMs: 10_000, whileBusy: "steer" });
  });

  test("changes of a lane what is written, and leaves the rest of it and the others as they are", () => {
    const { lanes } = load("version: 1\nlanes: { heavy: { parallel: 3, timeoutMs: 900000 } }\n");

    expect(lanes).toEqual({
      ...DEFAULT_LANES,
      heavy: { ...DEFAULT_LANES.heavy, parallel: 3, timeoutMs: 900_000 },
    });
  });

  test("keeps which of an agent's tools are denied and which need approval", () => {
    write("agents/ana.yaml", `${ANA}approvals: { dice: deny, remember: ask }\n`);

    const [ana] = load("version: 1\n").agents;

    expect(ana?.approvals).toEqual({ dice: "deny", remember: "ask" });
  });
});

describe("placeholders", () => {
  const provider = (key: string): string =>
    `version: 1\nproviders:\n  local:\n    kind: openai-compatible\n    baseUrl: http://localhost/v1\n    apiKey: ${key}\n`;

  test("take a variable, its default when it is unset or empty, and a file's text without its last line break", () => {
    write("key.txt", "from-a-file\n");

    expect(load(provider("${KEY}"), { KEY: "abc" }).providers.local?.apiKey).toBe("abc");
    expect(load(provider("${KEY:-d}"), { KEY: "" }).providers.local?.apiKey).toBe("d");
    expect(load(provider('"x-${file:key.txt}-y"')).providers.local?.apiKey).toBe("x-from-a-file-y");
    expect(load(provider("$${KEY}")).providers.local?.apiKey).toBe("${KEY}");
  });

  test("become numbers where numbers belong, and stay text where text belongs", () => {
    const config = load(`${provider("${KEY}")}server:\n  port: \${PORT:-8123}\n`, { KEY: "12345" });

    expect(config.server.port).toBe(8123);
    expect(config.providers.local?.apiKey).toBe("12345");
  });

  test("without a value name the variable, the place and the remedy", () => {
    expect(problems(provider("${KEY}"))).toEqual([
      [
        "troupe.yaml:6  providers.local.apiKey needs the environment variable KEY, which is not set.",
        "               Set it, or write ${KEY:-default}.",
      ].join("\n"),
    ]);
  });

  test("refuse a missing file, and one outside the home", () => {
    expect(problems(provider("${file:none.txt}"))[0]).toContain(
      'names the file "none.txt", which is not there.',
    );
    expect(problems(provider("${file:../none.txt}"))[0]).toContain("lies outside the home");
    expect(problems(provider("${file:/etc/passwd}"))[0]).toContain("lies outside the home");
    expect(problems(provider("${file:keys/../../none.txt}"))[0]).toContain("lies outside the home");
    expect(problems(provider("${file:..keys/none.txt}"))[0]).toContain("which is not there.");
  });

  test("that are none are refused", () => {
    expect(problems(provider("${not a name}"))[0]).toContain(
      'holds "${not a name}", which is not a placeholder',
    );
  });

  test("show the address of a database without its password", () => {
    const text = "version: 1\nstore: { url: 'postgres://troupe:sekret@db.example:5433/troupe' }\n";

    const shown = showConfig(load(text));

    expect(shown).toContain("postgres://troupe:[redacted]@db.example:5433/troupe");
  });

  test("are shown as they were written, and secrets not at all", () => {
    const shown = showConfig(load(provider("${KEY}"), { KEY: "abc" }));
    const plain = showConfig(load(provider("sekret")));

    expect(shown).toContain("apiKey: ${KEY}");
    expect(shown).not.toContain("abc");
    expect(plain).not.toContain("sekret");
  });
});

describe("a configuration with faults", () => {
  test("names an unknown provider, its line, and the one that was probably meant", () => {
    const text = [
      "version: 1",
      "providers:",
      "  anthropic: { kind: openai-compatible, baseUrl: 'https://api.example/v1' }",
      "  local: { kind: openai-compatible, baseUrl: 'http://127.0.0.1:11434/v1' }",
      "models:",
      "  default: [antropic/claude]",
    ].join("\n");

    expect(problems(text)).toEqual([
      [
        'troupe.yaml:6  models.default[0] names provider "antropic", which is not configured.',
        '               Did you mean "anthropic"? Known: anthropic, embedded, local, offline.',
      ].join("\n"),
    ]);
  });

  test("names an unknown setting, its line, and the nearest known one", () => {
    expect(problems("version: 1\nserver:\n  prot: 1\n")).toEqual([
      [
        "troupe.yaml:3  server.prot is not a setting.",
        '               Did you mean "port"? Known in server: host, port, metricsPort, adminPort, allowedHosts, allowedOrigins, cors, grpcPort.',
      ].join("\n"),
    ]);
    expect(problems("version: 1\nservre: {}\n")[0]).toContain('Did you mean "server"?');
  });

  test.each([
    ["version: 1\nretention: { days: 3 }\n", "troupe.yaml:2  retention is not served in this version."],
    [
      "version: 1\nstore: { url: 'mysql://u:p@h/db' }\n",
      "troupe.yaml:2  store.url with mysql: is not served in this version.",
    ],
    [
      "version: 1\nbus: { url: 'wss://h:4222' }\n",
      "troupe.yaml:2  bus.url with wss: is not served in this version.",
    ],
    [
      "version: 1\nblobs: { url: 's3://b' }\n",
      "troupe.yaml:2  blobs.url with s3: is not served in this version.",
    ],
    [
      "version: 1\nproviders:\n  a: { kind: bedrock, apiKey: x }\n",
      'troupe.yaml:3  providers.a.kind "bedrock" is not served in this version.',
    ],
  ])("refuses by name what a later version serves: %j", (text, expected) => {
    expect(problems(text).map((problem) => problem.split("\n")[0])).toEqual([expected]);
  });

  test.each([
    ["version: 1\nstore: { url: 'mongodb://h/db' }\n", "store.url is no address that Troupe knows."],
    ["version: 1\nbus: { url: 'kafka://h' }\n", "bus.url is no address that Troupe knows."],
  ])("refuses an address of a kind that nobody serves: %j", (text, expected) => {
    expect(problems(text)[0]).toContain(expected);
  });

  test.each([
    ["server: { port: 70000 }", "server.port is 70000; it must be at most 65535."],
    ["server: { port: eighty }", 'server.port is "eighty"; it must be a number.'],
    ["server: { host: 5 }", "server.host is 5; it must be text."],
    ["server: 5", "server is 5; it must be a block of settings."],
    ["models: { default: [] }", "models.default is an empty list; it needs at least 1."],
    ["models: { default: llama }", 'models.default is "llama"; it must be a list.'],
    ["models: { default: [llama] }", 'models.default[0] is "llama"; what belongs here is "provider/model".'],
    ["log: { level: inf }", 'log.level is "inf"; it must be one of debug, info, warn, error, silent.'],
    ["lanes: { heavy: { parallel: 0 } }", "lanes.heavy.parallel is 0; it must be at least 1."],
    ["lanes: { heavy: { leaseMs: 100 } }", "lanes.heavy.leaseMs is 100; it must be at least 5000."],
    ["lanes: { fast: { parallel: 2 } }", "lanes.fast is not a setting."],
    ["lanes: { heavy: { paralel: 2 } }", "lanes.heavy.paralel is not a setting."],
    ["recall: { index: pgvector }", "recall.index is pgvector, and store.url names no PostgreSQL."],
    ["budget: { dailyUsd: -1 }", "budget.dailyUsd is -1; it must be at least 0."],
    [
      "budgets: { all: { per: space } }",
      "budgets.all.dailyUsd is missing; write dailyUsd, monthlyUsd or both.",
    ],
    [
      "budgets: { all: { dailyUsd: 1, only: [ana] } }",
      "budgets.all.only has no meaning for the whole space; write per: agent or per: peer.",
    ],
    [
      "budgets: { all: { dailyUsd: 1, atLimit: cheaper } }",
      "budgets.all.model is missing; atLimit: cheaper needs the model to go on with.",
    ],
    [
      "budgets: { all: { dailyUsd: 1, model: default } }",
      "budgets.all.model is read with atLimit: cheaper alone.",
    ],
    [
      "budgets: { all: { dailyUsd: 1, atLimit: cheaper, model: defualt } }",
      'budgets.all.model is "defualt", which troupe.yaml does not list under models.',
    ],
    [
      "budgets: { some: { per: agent, dailyUsd: 1, only: [nobody] } }",
      'budgets.some.only[0] names the agent "nobody", which has no file.',
    ],
    ["budgets: { all: { per: agnet, dailyUsd: 1 } }", 'budgets.all.per is "agnet"; it must be one of'],
    ["providers: { local: { kind: openai-compatible } }", "providers.local.baseUrl is missing."],
    ["providers: { Local: { kind: offline } }", "providers.Local is no name;"],
    [
      "prices: { nobody/x: { inputUsdPerMillion: 1, outputUsdPerMillion: 2 } }",
      'prices.nobody/x names provider "nobody", which is not configured.',
    ],
    [
      "providers: { offline: { kind: openai-compatible, baseUrl: 'http://h' } }",
      "providers.offline is the name of a built-in",
    ],
    [
      "models: { default: [offline/gide] }",
      'models.default[0] names the offline model "gide", which does not exist.',
    ],
    [
      "models: { default: [offline/guide], embedding: [embedded/word-128] }",
      'models.embedding[0] names the embedded model "word-128", which does not exist.',
    ],
  ])("says what is wrong with %s", (line, expected) => {
    const found = problems(`version: 1\n${line}\n`);

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`troupe.yaml:2  ${expected}`);
  });

  test("says what is wrong with the version", () => {
    expect(problems("server: {}\n")[0]).toContain("troupe.yaml:1  version is missing.");
    expect(problems("version: 2\n")[0]).toContain("troupe.yaml:1  version is 2; it must be 1.");
    expect(problems("")[0]).toContain("version is missing.");
  });

  test("says where the YAML itself is broken", () => {
    expect(problems("version: 1\nserver: { port: 1\n")[0]).toMatch(
      /^troupe.yaml:\d+ {2}This is not valid YAML/,
    );
    expect(problems("version: 1\nversion: 1\n")[0]).toContain(
      'troupe.yaml:2  The key "version" is written twice',
    );
    expect(problems("version: 1\nserver: { port: ${PORT} }\n")[0]).toContain('put "${…}" in quotes');
  });

  test("tells all faults of all files at once", () => {
    write("agents/kate.yaml", "id: cate\nname: Kate\nmodel: fast\ninstructions: '  '\nmemory: {}\nnmae: x\n");

    const found = problems(
      "version: 1\nserver: { prot: 1 }\nlog: { level: loud }\nmodels: { default: [antropic/x] }\n",
    ).map((text) => text.split("\n")[0]);

    expect(found).toEqual([
      "troupe.yaml:2  server.prot is not a setting.",
      'troupe.yaml:3  log.level is "loud"; it must be one of debug, info, warn, error, silent.',
      'troupe.yaml:4  models.default[0] names provider "antropic", which is not configured.',
      "agents/kate.yaml:4  instructions is empty; write what the agent is and how it answers.",
      "agents/kate.yaml:5  memory is not served in this version.",
      "agents/kate.yaml:6  nmae is not a setting.",
    ]);
  });

  test("refuses a second file of one agent, and names both", () => {
    write("agents/ana.yml", "id: ana\nname: Other\ninstructions: Sing.\n");

    expect(problems("version: 1\n")).toEqual([
      "agents/ana.yml  is of the agent that agents/ana.yaml describes.\n                Keep one of the two.",
    ]);
  });

  test("tells of agents that point to nothing", () => {
    write(
      "agents/kate.yaml",
      "id: cate\nname: Kate\nmodel: defualt\ninstructions: Tell stories.\ntools: [rol]\n",
    );

    expect(problems("version: 1\n", {}, ["roll", "remember"])).toEqual([
      [
        'agents/kate.yaml:1  id is "cate", but the file is called kate.yaml.',
        "                    Make them equal; the id is what people and programs address.",
      ].join("\n"),
      [
        'agents/kate.yaml:3  model is "defualt", which troupe.yaml does not list under models.',
        '                    Did you mean "default"? Known: default.',
      ].join("\n"),
      [
        'agents/kate.yaml:5  tools[0] names the tool "rol", which does not exist.',
        '                    Did you mean "roll"? Known: remember, roll.',
      ].join("\n"),
    ]);
  });

  test("tells of approvals for tools that do not exist, and of rules that nobody knows", () => {
    write("agents/kate.yaml", "id: kate\nname: Kate\ninstructions: Tell stories.\napprovals:\n  rol: deny\n");
    const unknown = problems("version: 1\n", {}, ["roll", "remember"]);
    write(
      "agents/kate.yaml",
      "id: kate\nname: Kate\ninstructions: Tell stories.\napprovals:\n  roll: never\n",
    );
    const wrong = problems("version: 1\n", {}, ["roll", "remember"]);

    expect(unknown).toEqual([
      [
        'agents/kate.yaml:5  approvals.rol names the tool "rol", which does not exist.',
        '                    Did you mean "roll"? Known: remember, roll.',
      ].join("\n"),
    ]);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain("agents/kate.yaml:5  approvals.roll");
  });

  test("refuses instructions longer than 32 KiB", () => {
    write("agents/ana.yaml", `id: ana\nname: Ana\ninstructions: ${"x".repeat(32_769)}\n`);

    expect(problems("version: 1\n")).toEqual(["agents/ana.yaml:3  instructions is longer than 32 KiB."]);
  });

  test("asks for an agent where there is none, and for the file where there is none", () => {
    rmSync(join(home, "agents/ana.yaml"));

    expect(problems("version: 1\n")[0]).toContain("agents/  holds no agent.");
    rmSync(join(home, "troupe.yaml"));
    const result = loadConfig({ environment: { home, variables: {} } });
    expect(result.kind === "invalid" && formatProblem(result.problems[0] as never)).toContain(
      "troupe.yaml  is not there.",
    );
  });
});
