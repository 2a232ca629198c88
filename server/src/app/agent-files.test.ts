import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addAgent, removeAgent } from "./agent-files.ts";
import { checkHome } from "./config-tools.ts";
import { openHome } from "./home.ts";
import { AGENT_TEMPLATES } from "./templates.ts";

let home: string;
const environment = () => ({ home, runtimeDirectory: home, noColor: true, variables: {} });
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "done",
    (error) => error.code,
  );

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-agents-"));
  openHome(home);
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

test("every template makes an agent that is valid, speaks of itself by its name, and uses tools that exist", async () => {
  for (const { id } of AGENT_TEMPLATES)
    await addAgent(environment(), { id: `my-${id}`, name: `Dr "${id}"`, template: id, model: "default" });

  const loaded = await checkHome(environment());

  expect(AGENT_TEMPLATES.length).toBeGreaterThanOrEqual(5);
  expect(loaded.kind === "valid" ? loaded.config.agents.length : loaded.problems).toBe(
    AGENT_TEMPLATES.length + 2,
  );
  const made = loaded.kind === "valid" ? loaded.config.agents.filter(({ id }) => id.startsWith("my-")) : [];
  for (const agent of made) {
    expect(agent.instructions).toContain(agent.name);
    expect(agent.instructions).not.toContain("NAME");
  }
});

test("nothing is written when the agent would not be valid, is there already, or the template is unknown", async () => {
  const add = (change: object): Promise<unknown> =>
    codeOf(addAgent(environment(), { id: "vera", template: "helper", model: "default", ...change }));

  expect(await add({ model: "defualt" })).toBe("config.invalid");
  expect(await add({ id: "Vera!" })).toBe("config.invalid");
  expect(await add({ template: "reseracher" })).toBe("request.not_found");
  expect(await add({ id: "ana" })).toBe("request.conflict");
  expect(existsSync(join(home, "agents", "vera.yaml"))).toBe(false);
  expect(await add({})).toBe("done");
  expect(readFileSync(join(home, "agents", "vera.yaml"), "utf8")).toMatch(/^id: vera\nname: "Vera"\n/);
});

test("a removed agent's file is kept out of the way, beside an older one, and the last agent stays", () => {
  expect(removeAgent(environment(), "kate").file).toBe("agents/removed/kate.yaml");
  writeFileSync(join(home, "agents", "kate.yaml"), "id: kate\n");
  expect(removeAgent(environment(), "kate").file).toBe("agents/removed/kate-2.yaml");
  expect(readFileSync(join(home, "agents/removed/kate.yaml"), "utf8")).toContain("storyteller");
  expect(() => removeAgent(environment(), "ana")).toThrow(/only agent/);
  expect(() => removeAgent(environment(), "nobody")).toThrow(/no file/);
});

test("an agent is added to a home whose settings name secrets, which need not be opened for it", async () => {
  writeFileSync(
    join(home, "troupe.yaml"),
    'version: 1\nproviders: { cloud: { kind: openai, apiKey: "${secret:cloud}" } }\n',
  );

  expect((await addAgent(environment(), { id: "vera", template: "helper", model: "default" })).file).toBe(
    "agents/vera.yaml",
  );
});
