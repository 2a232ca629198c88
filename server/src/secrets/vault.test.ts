import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SecretKey, Stores, TroupeError, UnitOfWork } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createMasterKeys, createVault, type GivenKey, type Vault } from "./index.ts";

const options = { signal: new AbortController().signal };
const VALUE = "correct-horse-battery-staple";
const KEY: SecretKey = { spaceId: "default", owner: "", name: "model" };
const clock = createManualClock();

let home: string;
let stores: Stores;
let close: () => Promise<void>;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-vault-"));
  ({ stores, close } = openInlineStores({
    path: join(home, "troupe.db"),
    ...{ clock, ids: createIdGenerator(clock), logger: createLogRecorder(), metrics: createMetrics() },
  }));
});

afterEach(async () => {
  await close();
  rmSync(home, { recursive: true });
});

function vaultOf(change: { given?: GivenKey; old?: GivenKey; unit?: UnitOfWork } = {}): Vault {
  const { given = {}, old = {}, unit = stores.unit } = change;
  const master = createMasterKeys({ home, given, old, display: (path) => path });
  return createVault({ store: stores.secrets, unit, master, clock });
}

const named = (name: string): SecretKey => ({ ...KEY, name });
const keyFile = (): string => join(home, "master.key");
const refusal = async (work: Promise<unknown>): Promise<TroupeError> =>
  work.then(
    () => expect.fail("It was not refused."),
    (error: TroupeError) => error,
  );

/** Changes the file from outside, as somebody with the disk can. */
function outside(sql: string): void {
  const database = new DatabaseSync(join(home, "troupe.db"));
  database.exec(sql);
  database.close();
}

/** Everything that lies in the home but the master key. */
function bytesAtRest(): string {
  return readdirSync(home)
    .filter((name) => !name.startsWith("master.key"))
    .map((name) => readFileSync(join(home, name), "latin1"))
    .join("");
}

describe("a secret", () => {
  test("is given back as it was set, and lies nowhere in clear", async () => {
    const vault = vaultOf();
    const made = await vault.set(KEY, VALUE, options);

    expect(await vault.get(KEY, options)).toBe(VALUE);
    expect(made).toMatchObject({
      name: "model",
      version: 1,
      fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(bytesAtRest()).not.toContain(VALUE);
    expect(bytesAtRest()).not.toContain(Buffer.from(VALUE).toString("base64url"));
  });

  test("has a fingerprint that tells equal values apart from others, and says nothing to other spaces", async () => {
    const vault = vaultOf();
    const prints = [
      await vault.set(named("a"), VALUE, options),
      await vault.set(named("b"), VALUE, options),
      await vault.set(named("c"), `${VALUE}.`, options),
      await vault.set({ ...KEY, spaceId: "other" }, VALUE, options),
    ].map((info) => info.fingerprint);

    expect(prints[0]).toBe(prints[1]);
    expect(new Set(prints).size).toBe(3);
  });

  test("is replaced, listed without its value, and removed with the last of the keys", async () => {
    const vault = vaultOf();
    await vault.set(KEY, "first", options);
    await vault.set(KEY, VALUE, options);

    const listed = await vault.list("default", "", options);
    expect(await vault.get(KEY, options)).toBe(VALUE);
    expect(listed).toEqual([expect.objectContaining({ name: "model", version: 2 })]);
    expect(JSON.stringify(listed)).not.toContain(VALUE);

    await vault.remove(KEY, options);
    expect(await vault.get(KEY, options)).toBeUndefined();
    expect(await stores.secrets.keys(options)).toEqual([]);
    expect(await refusal(vault.remove(KEY, options))).toMatchObject({ code: "request.not_found" });
  });

  test("is refused when its name or value cannot be one", async () => {
    const vault = vaultOf();
    for (const [name, value] of [
      ["Über", "x"],
      ["../key", "x"],
      ["ok", ""],
      ["ok", "x".repeat(65_537)],
      ["ok", "a\0b"],
    ] as const) {
      expect(await refusal(vault.set(named(name), value, options))).toMatchObject({
        code: "request.invalid",
      });
    }
    expect(existsSync(keyFile())).toBe(false);
  });
});

describe("a row that was touched from outside", () => {
  test.each([
    ["changed", "UPDATE secrets SET sealed = 'A' || substr(sealed, 2) WHERE name = 'model'"],
    [
      "moved to another name",
      "UPDATE secrets SET sealed = b.sealed, nonce = b.nonce FROM secrets b WHERE b.name = 'other' AND secrets.name = 'model'",
    ],
    ["moved to another owner", "UPDATE secrets SET owner = '' , name = 'model' WHERE owner = 'person-1'"],
    ["given an earlier version", "UPDATE secrets SET version = 1 WHERE name = 'model'"],
    ["cut short", "UPDATE secrets SET sealed = 'AAAA' WHERE name = 'model'"],
  ])("is told as damaged when it was %s, and others still open", async (_what, sql) => {
    const vault = vaultOf();
    if (sql.includes("person-1")) await vault.set({ ...KEY, owner: "person-1" }, "theirs", options);
    else {
      await vault.set(KEY, "first", options);
      await vault.set(KEY, `~${VALUE}`, options);
    }
    await vault.set(named("other"), "of another", options);

    outside(sql);

    const error = await refusal(vault.get(KEY, options));
    expect(error).toMatchObject({ code: "secret.damaged" });
    expect(error.message).toContain("./troupe secret set model");
    expect(await vault.get(named("other"), options)).toBe("of another");
    await vault.set(KEY, "anew", options);
    expect(await vault.get(KEY, options)).toBe("anew");
  });

  test("is told as damaged when another space's data key was put in place of its own", async () => {
    const vault = vaultOf();
    await vault.set(KEY, VALUE, options);
    await vault.set({ ...KEY, spaceId: "other" }, VALUE, options);

    outside(
      "UPDATE data_keys SET sealed = b.sealed, nonce = b.nonce FROM data_keys b WHERE b.space_id = 'other' AND data_keys.space_id = 'default'",
    );

    expect(await refusal(vault.get(KEY, options))).toMatchObject({ code: "secret.damaged" });
  });
});

describe("the master key", () => {
  test("is made at first need, for its owner alone, and not before", async () => {
    const vault = vaultOf();
    await vault.list("default", "", options);
    expect(existsSync(keyFile())).toBe(false);

    await vault.set(KEY, VALUE, options);

    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(readdirSync(home).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("is refused while others may read it, with the command that closes it", async () => {
    const vault = vaultOf();
    await vault.set(KEY, VALUE, options);
    chmodSync(keyFile(), 0o640);

    const error = await refusal(vault.get(KEY, options));

    expect(error).toMatchObject({ code: "secret.locked" });
    expect(error.message).toContain(`chmod 600 ${keyFile()}`);
    expect(await vault.list("default", "", options)).toHaveLength(1);
  });

  test("is missed in one sentence when it is gone or another one, and no new one is made over it", async () => {
    const vault = vaultOf();
    await vault.set(KEY, VALUE, options);
    const right = readFileSync(keyFile(), "utf8");
    rmSync(keyFile());

    const gone = [await refusal(vault.get(KEY, options)), await refusal(vault.set(named("b"), "x", options))];
    writeFileSync(keyFile(), Buffer.alloc(32, 7).toString("hex"), { mode: 0o600 });
    const wrong = [
      await refusal(vault.get(KEY, options)),
      await refusal(vault.set(named("b"), "x", options)),
      await refusal(vault.rotateMasterKey(options)),
    ];
    const left = readdirSync(home).filter((name) => name.startsWith("master.key"));
    writeFileSync(keyFile(), right);

    expect([...gone, ...wrong].map((error) => error.code)).toEqual(Array(5).fill("secret.locked"));
    expect(gone[0]?.message).toContain(`is not in ${keyFile()}`);
    expect(wrong[0]?.message).toContain("is not the one that the secrets are sealed with");
    expect(left).toEqual(["master.key"]);
    expect(await vault.get(KEY, options)).toBe(VALUE);
  });

  test("can be given by the environment or a file, and is refused when it is none", async () => {
    const text = Buffer.alloc(32, 9).toString("base64");
    const file = join(home, "mounted");
    writeFileSync(file, `${text}\n`, { mode: 0o400 });

    await vaultOf({ given: { text } }).set(KEY, VALUE, options);

    expect(await vaultOf({ given: { file } }).get(KEY, options)).toBe(VALUE);
    expect(existsSync(keyFile())).toBe(false);
    for (const given of [{ text: "hunter2" }, { file: join(home, "none") }]) {
      expect(await refusal(vaultOf({ given }).get(KEY, options))).toMatchObject({ code: "secret.locked" });
    }
  });
});

describe("rotation", () => {
  /** Refuses every commit after the first `count`, as a process that dies. */
  function diesAfter(count: number): UnitOfWork {
    let left = count;
    return {
      ...stores.unit,
      commit: (writes, call) =>
        left-- > 0 ? stores.unit.commit(writes, call) : Promise.reject(new Error("The process died.")),
    };
  }

  async function setSome(vault: Vault): Promise<void> {
    for (const name of ["a", "b", "c"]) await vault.set(named(name), `value of ${name}`, options);
  }

  async function valuesOf(vault: Vault): Promise<readonly (string | undefined)[]> {
    return Promise.all(["a", "b", "c"].map((name) => vault.get(named(name), options)));
  }

  const VALUES = ["value of a", "value of b", "value of c"];

  test("of the data key seals all anew and forgets the old key", async () => {
    const vault = vaultOf();
    await setSome(vault);

    expect(await vault.rotateDataKey("default", options)).toEqual({ resealed: 3 });

    expect(await valuesOf(vault)).toEqual(VALUES);
    expect((await stores.secrets.keys(options)).map((key) => key.version)).toEqual([2]);
  });

  test.each([1, 2, 3, 4])(
    "of the data key, interrupted after commit %i, loses nothing and goes on",
    async (commits) => {
      const vault = vaultOf();
      await setSome(vault);

      await refusal(vaultOf({ unit: diesAfter(commits) }).rotateDataKey("default", options));
      const between = await valuesOf(vault);
      await vault.rotateDataKey("default", options);

      expect(between).toEqual(VALUES);
      expect(await valuesOf(vault)).toEqual(VALUES);
      expect(await stores.secrets.keys(options)).toHaveLength(1);
    },
  );

  test("of the master key lets the old one open nothing any more", async () => {
    const vault = vaultOf();
    await setSome(vault);
    const old = readFileSync(keyFile(), "utf8");

    expect(await vault.rotateMasterKey(options)).toEqual({ rewrapped: 1 });

    expect(await valuesOf(vault)).toEqual(VALUES);
    expect(readdirSync(home).filter((name) => name.startsWith("master.key"))).toEqual(["master.key"]);
    expect(readFileSync(keyFile(), "utf8")).not.toBe(old);
    expect(await refusal(vaultOf({ given: { text: old } }).get(named("a"), options))).toMatchObject({
      code: "secret.locked",
    });
  });

  test("of the master key, interrupted before and after its commit, loses nothing and goes on", async () => {
    const vault = vaultOf();
    await setSome(vault);
    await refusal(vaultOf({ unit: diesAfter(0) }).rotateMasterKey(options));
    const begun = await valuesOf(vault);
    // Died between its commit and the exchange of the files.
    const next = readFileSync(join(home, "master.key.next"), "utf8");
    await vault.rotateMasterKey(options);
    writeFileSync(join(home, "master.key.next"), next, { mode: 0o600 });
    writeFileSync(keyFile(), Buffer.alloc(32, 3).toString("hex"), { mode: 0o600 });
    const between = await valuesOf(vault);
    await vault.rotateMasterKey(options);

    expect([begun, between, await valuesOf(vault)]).toEqual([VALUES, VALUES, VALUES]);
    expect(readdirSync(home).filter((name) => name.startsWith("master.key"))).toEqual(["master.key"]);
    expect(readFileSync(keyFile(), "utf8")).toBe(next);
  });

  test("of the master key, asked for in the middle of one of the data key, loses nothing", async () => {
    await setSome(vaultOf());
    const { unit } = stores;
    const delaysMs = [10, 40];
    let other: Promise<unknown> | undefined;
    const commit: UnitOfWork["commit"] = async (writes, how) => {
      const delayMs = delaysMs.shift() ?? 80;
      other ??= vault.rotateMasterKey(options);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      return unit.commit(writes, how);
    };
    const vault = vaultOf({ unit: { ...unit, commit } });

    await vault.rotateDataKey("default", options);
    await other;

    expect(await valuesOf(vaultOf())).toEqual(VALUES);
    expect(await vaultOf().rotateDataKey("default", options)).toEqual({ resealed: 3 });
  });

  test.each(["data", "master"])("of the %s key is not felt by whoever reads meanwhile", async (which) => {
    await setSome(vaultOf());
    const vault = vaultOf();
    const { secrets } = stores;
    const during = {
      ...secrets,
      // The rotation falls between the two reads.
      keys: async (how: typeof options) => {
        const before = which === "master" ? await secrets.keys(how) : undefined;
        await rotate();
        return before ?? secrets.keys(how);
      },
    };
    let isRotated = false;
    const rotate = async (): Promise<void> => {
      if (isRotated) return;
      isRotated = true;
      if (which === "data") await vault.rotateDataKey("default", options);
      else await vault.rotateMasterKey(options);
    };
    const master = createMasterKeys({ home, given: {}, old: {}, display: (path) => path });

    const reader = createVault({ store: during, unit: stores.unit, master, clock });

    expect(await reader.get(named("a"), options)).toBe("value of a");
  });

  test("names the secrets of the same owner alone when there is none of a name", async () => {
    const vault = vaultOf();
    await vault.set({ ...KEY, owner: "kate", name: "hers" }, VALUE, options);
    await vault.set(named("ours"), VALUE, options);

    const { message } = await refusal(vault.remove(named("nothing"), options));

    expect(message).toContain("Known: ours.");
  });

  test("of the master key is not kept from starting by what a process of the same number left behind", async () => {
    writeFileSync(join(home, `master.key.${process.pid}.new`), "half", { mode: 0o600 });

    await vaultOf().set(KEY, VALUE, options);

    expect(await vaultOf().get(KEY, options)).toBe(VALUE);
  });

  test("of a given master key takes the old one beside it, and says so where there is none", async () => {
    const [old, given] = [1, 2].map((byte) => ({ text: Buffer.alloc(32, byte).toString("hex") }));
    await setSome(vaultOf({ given: old ?? {} }));

    const alone = await refusal(vaultOf({ given: old ?? {} }).rotateMasterKey(options));
    const rotated = await vaultOf({ given: given ?? {}, old: old ?? {} }).rotateMasterKey(options);

    expect(alone.message).toContain("TROUPE_MASTER_KEY_OLD");
    expect(rotated).toEqual({ rewrapped: 1 });
    expect(await valuesOf(vaultOf({ given: given ?? {} }))).toEqual(VALUES);
  });
});
