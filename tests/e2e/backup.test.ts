import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { BackupReport, OutboxReport, RestoreReport } from "../../server/src/app/index.ts";
import type { Manifest } from "../../server/src/backup/index.ts";
import { type CliHome, createCliHome } from "./cli-home.ts";

// Many processes, each a start of its own, on machines that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** A home that is packed while people talk, and taken out again elsewhere. */

const SECRET = "open-sesame-of-this-home";
let cli: CliHome;
let file: string;
let manifest: Manifest;

beforeAll(() => {
  cli = createCliHome();
  file = join(cli.folder, "one.tar.zst");
  cli.write("agents/ana.yaml", "# Ana's own words.\nid: ana\nname: Ana\ninstructions: Be kind.\n");
  cli.write("notes.txt", "belongs to nobody\n");
  cli.write("key.txt", `${SECRET}-file\n`);
  cli.write(
    "troupe.yaml",
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers:
  a: { kind: openai-compatible, baseUrl: "http://127.0.0.1:1/v1", apiKey: "\${secret:a}" }
  b: { kind: openai-compatible, baseUrl: "http://127.0.0.1:1/v1", apiKey: "\${file:key.txt}" }
`,
  );
});

afterAll(() => cli[Symbol.asyncDispose]());

async function ask(text: string, home?: string): Promise<string> {
  const { code, out, err } = await cli.run(
    ["chat", text, "--agent", "ana"],
    home === undefined ? {} : { home },
  );
  if (code !== 0) throw new Error(err);
  return out;
}

/** A reply that waits for a channel, as a turn would leave it. */
function putReply(home: string, id: string, createdAt: number, state = "pending"): void {
  const database = new DatabaseSync(join(home, "data/troupe.db"), { timeout: 10_000 });
  database.exec(`INSERT INTO outbox (id, space_id, turn_id, session_id, channel, target, text, state, begun, attempt, epoch, lease_until, due_at, created_at)
    VALUES ('${id}', 'default', 'turn-${id}', 's', 'telegram', 'chat', 'Hello ${id}.', '${state}', 0, 0, 0, 0, 0, ${createdAt})`);
  database.close();
}

describe("a backup", () => {
  test("is made while Troupe answers, and counts what is in it", async () => {
    expect((await cli.run(["secret", "set", "a"], { input: SECRET })).code).toBe(0);
    await using stack = new AsyncDisposableStack();
    const running = await cli.up();
    stack.defer(() => running.stop());
    await ask("remember that my cat is called Mia");
    putReply(cli.home, "waiting", Date.now());
    let isDone = false;
    const talk = async (n: number): Promise<number> => {
      let said = 0;
      for (; !isDone; said++) {
        const response = await fetch(`${running.addresses.gateway}/v1/chat/completions`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${running.firstKey}`,
            "content-type": "application/json",
            "x-troupe-session": `s${n}`,
          },
          body: JSON.stringify({ model: "ana", messages: [{ role: "user", content: `roll 2d6, ${said}` }] }),
        });
        expect(response.status).toBe(200);
      }
      return said;
    };
    const talks = [1, 2, 3, 4].map(talk);

    const made = await cli.json<BackupReport & Manifest>("backup", file);
    isDone = true;
    const said = await Promise.all(talks);

    manifest = made as Manifest;
    expect(Math.min(...said)).toBeGreaterThan(0);
    expect(made).toMatchObject({ file, store: { kind: "sqlite" }, masterKey: false, leftOut: ["key.txt"] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(cli.folder).filter((name) => name.startsWith("one."))).toEqual(["one.tar.zst"]);
  });

  test("holds the home and no secret in clear, no key, and no file that settings take a secret from", () => {
    const plain = zstdDecompressSync(readFileSync(file)).toString("latin1");

    expect(manifest.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["store.db", "home/troupe.yaml", "home/agents/ana.yaml"]),
    );
    expect(
      manifest.files.map(({ path }) => path).filter((path) => /key|lock|holder|wal|notes/.test(path)),
    ).toEqual([]);
    expect(plain).not.toContain(SECRET);
    expect(plain).not.toContain(readFileSync(join(cli.home, "master.key"), "utf8").trim());
  });

  test("takes no other file's place, and one with the master key says what that means", async () => {
    const again = await cli.run(["backup", file]);
    const full = await cli.run(["backup", join(cli.folder, "full.tar.zst"), "--with-master-key"]);

    expect(again).toMatchObject({ code: 1, err: expect.stringContaining("is there already") });
    expect(full).toMatchObject({
      code: 0,
      out: expect.stringContaining("whoever has this file can read every secret"),
    });
    expect(zstdDecompressSync(readFileSync(join(cli.folder, "full.tar.zst"))).toString("latin1")).toContain(
      `${SECRET}-file`,
    );
  });
});

describe("a restore", () => {
  let home: string;
  beforeAll(() => {
    home = join(cli.folder, "second");
  });

  test("brings back every row, and says what is held and what is missing", async () => {
    const restored = await cli.run(["restore", file, "--home", home, "--json"]);
    const report = JSON.parse(restored.out) as RestoreReport;

    expect(report).toMatchObject({ home, held: { waiting: 1 }, lacksMasterKey: true });
    expect(report.setAside).toBeUndefined();
    expect(readFileSync(join(home, "agents/ana.yaml"), "utf8")).toContain("# Ana's own words.");
    const database = new DatabaseSync(join(home, "data/troupe.db"), { timeout: 10_000 });
    const rows = manifest.store.kind === "sqlite" ? manifest.store.rows : {};
    for (const [table, count] of Object.entries(rows)) {
      const found = database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number };
      expect({ table, n: found.n }).toEqual({ table, n: table === "holds" ? 1 : count });
    }
    database.close();
    expect(readdirSync(home).filter((name) => name.startsWith(".restore"))).toEqual([]);
    expect(existsSync(join(home, "data/holder.json"))).toBe(false);
  });

  test("is refused for a home that is used, and for a damaged or newer file, and changes nothing", async () => {
    const used = await cli.run(["restore", file, "--home", home]);
    const damaged = join(cli.folder, "damaged.tar.zst");
    const bytes = readFileSync(file);
    // Of one bit alone the compression may make the same bytes again (3 of 10,000 tried), and then nothing is damaged.
    bytes.fill(0xa5, bytes.length >> 1, (bytes.length >> 1) + 64);
    writeFileSync(damaged, bytes);
    const third = join(cli.folder, "third");
    const broken = await cli.run(["restore", damaged, "--home", third]);
    const forced = await cli.run(["restore", damaged, "--home", home, "--force"]);

    expect(used).toMatchObject({
      code: 1,
      err: expect.stringContaining("is not empty. --force puts what is there aside"),
    });
    for (const { code, err } of [broken, forced]) {
      expect(code).toBe(1);
      expect(err).toMatch(/damaged|no backup/);
    }
    expect(readdirSync(third)).toEqual([]);
    expect(existsSync(join(home, "troupe.yaml"))).toBe(true);
  });

  test("goes on with its conversations, and sends nothing that waits until it is released", async () => {
    rmSync(join(home, "master.key"), { force: true });
    writeFileSync(join(home, "key.txt"), "another\n");
    await using stack = new AsyncDisposableStack();
    const running = await cli.up({ home });
    stack.defer(() => running.stop());
    const ready = await fetch(`${running.addresses.gateway}/ready`);
    const status = await cli.run(["status"], { home });
    const listed = JSON.parse((await cli.run(["outbox", "list", "--json"], { home })).out) as OutboxReport;

    expect(await ask("what is my cat called?", home)).toContain("Mia");
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { ready: true, reasons: [], notes: [expect.stringContaining("The outbox is held since")] },
    ]);
    expect(status.out).toContain("held since");
    expect(status.out).toContain("providers.a.apiKey is not used: The master key of the secrets is not in");
    expect(listed.items.map(({ id, attempt }) => ({ id, attempt }))).toEqual([{ id: "waiting", attempt: 0 }]);

    const released = await cli.run(["outbox", "release", "--discard"], { home });
    const twice = await cli.run(["outbox", "release"], { home });

    expect(released.out).toBe(
      "The outbox is released; nothing waits in it.\n1 reply from before the hold was discarded.\n",
    );
    expect(twice).toMatchObject({ code: 1, err: expect.stringContaining("The outbox is not held") });
    expect(await (await fetch(`${running.addresses.gateway}/ready`)).json()).toEqual({
      ready: true,
      reasons: [],
    });
  });

  test("over a used home keeps what was there, its master key in place, and is refused while it runs", async () => {
    const running = await cli.up();
    const locked = await cli.run(["restore", file, "--force"]);
    await running.stop();
    const key = readFileSync(join(cli.home, "master.key"), "utf8");

    const { code, out } = await cli.run(["restore", file, "--force", "--json"]);

    const report = JSON.parse(out) as RestoreReport;
    expect(locked).toMatchObject({
      code: 1,
      err: expect.stringContaining("Troupe runs already with the home"),
    });
    expect([code, report.lacksMasterKey, readFileSync(join(cli.home, "master.key"), "utf8")]).toEqual([
      0,
      false,
      key,
    ]);
    expect(existsSync(join(report.setAside ?? "", "data/troupe.db"))).toBe(true);
    expect((await cli.run(["config", "check"])).code).toBe(0);
  });
});
