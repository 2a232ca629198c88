import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@troupe/contracts";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type HomeStore, openHomeStore } from "../lab/home-store.ts";
import { type CliHome, createCliHome, type RunningHome } from "./cli-home.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** Secrets as an operator meets them: real processes, a real home, a model that wants a key. */

const FIRST = "key-of-spring-0123456789";
const SECOND = "key-of-autumn-9876543210";
let cli: CliHome;
let store: HomeStore;
let model: ScriptedModelServer;
let running: RunningHome;

beforeAll(async () => {
  cli = createCliHome();
  store = await openHomeStore();
  model = await startScriptedModelServer();
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\ninstructions: Be kind.\n");
  cli.write(
    "troupe.yaml",
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers:
  local: { kind: openai-compatible, baseUrl: "${model.baseUrl}", apiKey: "\${secret:local}" }
models: { default: [local/scripted, offline/guide] }
log: { level: debug }
${store.yaml}`,
  );
});

afterAll(async () => {
  await cli[Symbol.asyncDispose]();
  await model.close();
  await store[Symbol.asyncDispose]();
});

async function ask(text: string): Promise<string> {
  const { code, out, err } = await cli.run(["chat", text, "--agent", "ana"]);
  if (code !== 0) throw new Error(err);
  return out;
}

const lastKey = (): unknown => model.requests.at(-1)?.headers.authorization;

/** What the database holds of secrets, as it lies there. */
async function atRest(): Promise<string> {
  if (store.database !== undefined)
    return JSON.stringify(await store.database.query("SELECT * FROM secrets"));
  const data = join(cli.home, "data");
  return readdirSync(data)
    .filter((name) => name.includes("troupe.db"))
    .map((name) => readFileSync(join(data, name), "latin1"))
    .join("");
}

describe("before Troupe runs", () => {
  test("a setting that names a secret which is not set is told with the command that sets it", async () => {
    const check = await cli.run(["config", "check"]);
    const up = await cli.run(["up"]);

    for (const said of [check.out, up.err]) {
      expect(said).toContain(
        'troupe.yaml:4  providers.local.apiKey needs the secret "local", which is not set.',
      );
      expect(said).toContain("./troupe secret set local");
    }
    expect([check.code, up.code]).toEqual([1, 1]);
  });

  test("a secret comes from standard input and never from the command's words", async () => {
    expect((await cli.run(["secret", "set", "local", FIRST])).code).toBe(2);
    expect(await cli.run(["secret", "set", "local"])).toMatchObject({
      code: 2,
      err: expect.stringContaining('The value of "local" is empty.'),
    });

    const set = await cli.run(["secret", "set", "local"], { input: `${FIRST}\n` });

    expect(set).toMatchObject({ code: 0, err: "", out: expect.stringContaining("${secret:local}") });
    expect(await cli.run(["config", "check"])).toMatchObject({ code: 0 });
  });
});

describe("while Troupe runs", () => {
  test("the provider gets the secret, and a new one at once when it is replaced from a file", async () => {
    running = await cli.up();
    await ask("hello");
    const before = lastKey();
    const file = join(cli.folder, "new.txt");
    writeFileSync(file, `${SECOND}\n`);

    const replaced = await cli.run(["secret", "set", "local", "--from-file", file]);
    await ask("hello again");

    expect(replaced).toMatchObject({ code: 0, out: expect.stringContaining("In force now: providers.") });
    expect([before, lastKey()]).toEqual([`Bearer ${FIRST}`, `Bearer ${SECOND}`]);
  });

  test("it is listed by name, date and fingerprint, and shown nowhere", async () => {
    // A server that repeats the key in its complaint.
    model.enqueue({ status: 401, body: `{"error":{"message":"Bad key ${SECOND}."}}` });
    await ask("once more");

    const listed = await cli.run(["secret", "list", "--json"]);
    const texts = [
      listed.out,
      (await cli.run(["config", "show"])).out,
      (await cli.run(["turn", "list", "--json"])).out,
      (await cli.run(["status"])).out,
      running.text(),
      await atRest(),
    ];

    expect(JSON.parse(listed.out)).toEqual([
      expect.objectContaining({
        name: "local",
        version: 2,
        fingerprint: expect.stringMatching(/^[0-9a-f]+$/),
      }),
    ]);
    for (const text of texts) expect(text).not.toMatch(new RegExp(`${FIRST}|${SECOND}`));
    expect(texts[1]).toContain("${secret:local}");
  });

  test("only an operator's key may ask for it, and no answer holds a value", async () => {
    const at = `${running.addresses.admin}/admin/secrets`;
    const { key } = await cli.json<{ key: string }>("key", "create", "--name", "laptop");
    const get = (bearer: string | undefined, url = at): Promise<Response> =>
      fetch(url, bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } });

    const operator = await get(running.firstKey);

    expect([(await get(undefined)).status, (await get(key)).status, operator.status]).toEqual([
      401, 403, 200,
    ]);
    expect(await operator.text()).not.toContain(SECOND);
    expect((await get(running.firstKey, `${running.addresses.gateway}/admin/secrets`)).status).toBe(404);
  });

  test("new keys seal it, and nobody notices", async () => {
    const data = await cli.run(["secret", "rotate"]);
    const master = await cli.run(["secret", "rotate", "--master"]);
    await ask("still there?");

    expect([data.out, master.out]).toEqual([
      "A new key seals the secret.\n",
      expect.stringMatching(/^The master key is a new one\./),
    ]);
    expect(lastKey()).toBe(`Bearer ${SECOND}`);
    await running.stop();
  });
});

test("with an unusable master key everything else goes on, and one sentence says what is wrong", async () => {
  const file = join(cli.home, "master.key");
  chmodSync(file, 0o644);
  const asked = model.requests.length;

  const again = await cli.up();
  const answer = await ask("hello");
  const list = await cli.run(["secret", "list"]);
  const turns = await cli.json<Page<{ id: string }>>("turn", "list", "--limit", "1");
  const [turn] = turns.items;
  const life = await cli.run(["turn", "show", turn?.id ?? ""]);
  const log = again.text();
  await again.stop();

  expect(answer.trim()).not.toBe("");
  expect(model.requests).toHaveLength(asked);
  expect(list).toMatchObject({ code: 0, out: expect.stringContaining("local") });
  expect(log).toContain("config.secret_unreadable");
  expect(log).toContain("chmod 600");
  expect(life.out).toContain("offline/guide");
});

test("a secret is removed without the master key, and the settings that name it are told of", async () => {
  const removed = await cli.run(["secret", "remove", "local"]);
  const missing = await cli.run(["secret", "remove", "local"]);
  const check = await cli.run(["config", "check"]);

  expect(removed).toMatchObject({ code: 0, out: 'The secret "local" is gone.\n' });
  expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('There is no secret "local".') });
  expect(check.code).toBe(1);
});
