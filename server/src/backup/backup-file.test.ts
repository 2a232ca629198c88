import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { TroupeError } from "@troupe/contracts";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  describeFile,
  HOME_PREFIX,
  type Manifest,
  readBackup,
  type SourceFile,
  writeBackup,
} from "./index.ts";
import { readTar, TAR_END, tarHeader, tarPadding } from "./tar.ts";

const signal = new AbortController().signal;
const quiet = { signal, onProgress: () => undefined };

let folder: string;
let out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-backup-"));
  out = join(folder, "out");
  mkdirSync(out);
});

afterEach(() => rmSync(folder, { recursive: true }));

const LONG = `${HOME_PREFIX}workspaces/${"deep/".repeat(30)}файл.txt`;

async function pack(
  texts: Readonly<Record<string, string>>,
  change: Partial<Record<keyof Manifest, unknown>> = {},
): Promise<{ readonly file: string; readonly sources: readonly SourceFile[]; readonly manifest: Manifest }> {
  const sources = Object.entries(texts).map(([name, text], n) => {
    const path = join(folder, `source-${n}`);
    writeFileSync(path, text, { mode: 0o640 });
    return { path, name };
  });
  const files = await Promise.all(sources.map((source) => describeFile(source, { signal })));
  const store = { kind: "elsewhere", scheme: "postgres" } as const;
  const manifest = {
    ...{
      kind: "troupe.backup",
      v: 1,
      troupe: "1.2.3",
      madeAt: 0,
      store,
      files,
      masterKey: false,
      leftOut: [],
    },
    ...change,
  } as Manifest;
  const file = join(folder, "one.tar.zst");
  await writeBackup(file, { manifest, sources }, quiet);
  return { file, sources, manifest };
}

const unpack = (file: string, accept: (manifest: Manifest) => void = () => undefined): Promise<Manifest> =>
  readBackup(file, out, { ...quiet, accept });

const refusal = (work: Promise<unknown>): Promise<TroupeError> =>
  work.then(
    () => expect.fail("It was not refused."),
    (error: TroupeError) => error,
  );

describe("a backup", () => {
  test("gives back every byte under every name, readable by its owner alone, and any tar opens it", async () => {
    const texts = {
      "home/troupe.yaml": "version: 1\n",
      [LONG]: "далеко",
      "home/data/empty": "",
      "home/big": "x".repeat(700_001),
      "home/workspaces/ana/odd \\ name": "as other systems save them",
    };
    const { file, manifest } = await pack(texts);

    expect(await unpack(file)).toEqual(manifest);
    for (const [name, text] of Object.entries(texts))
      expect(readFileSync(join(out, name), "utf8")).toBe(text);
    expect([file, join(out, "home/troupe.yaml")].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o600, 0o600,
    ]);
    const plain = join(folder, "plain.tar");
    writeFileSync(plain, zstdDecompressSync(readFileSync(file)));
    const listed = execFileSync("tar", ["-tf", plain, "--quoting-style=literal"], { encoding: "utf8" });
    expect(listed.trim().split("\n").sort()).toEqual(["manifest.json", ...Object.keys(texts)].sort());
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("does not take the place of a file, and leaves nothing when a source changes or it is stopped", async () => {
    const { file, sources, manifest } = await pack({ "home/a": "first" });
    const before = readFileSync(file);
    const again = (to: string, at: AbortSignal = signal) =>
      refusal(writeBackup(to, { manifest, sources }, { signal: at, onProgress: () => undefined }));

    const taken = await again(file);
    writeFileSync(sources[0]?.path ?? "", "secon");
    const changed = await again(join(folder, "two"));
    const stopped = await again(join(folder, "three"), AbortSignal.abort());

    expect([taken.code, changed.code]).toEqual(["request.conflict", "backup.invalid"]);
    expect(changed.message).toContain("changed while it was packed");
    expect(stopped.name).toBe("AbortError");
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(["one.tar.zst", "out", "source-0"]);
  });

  test("that is cut anywhere, or has bytes changed anywhere, is refused", async () => {
    const { file } = await pack({ "home/a": "first".repeat(1000), "home/b": "second" });
    const whole = readFileSync(file);
    const codes = new Set<string>();
    // The last few bytes are a checksum over what has checksums of its own.
    for (let cut = 0; cut < whole.length - 16; cut += 13) {
      truncateSync(file, cut);
      codes.add((await refusal(unpack(file))).code);
      writeFileSync(file, whole);
      const touched = Buffer.from(whole);
      // Several, for of one alone the compression may make the same bytes again, and then nothing is damaged.
      for (let at = cut; at < cut + 8; at += 1) touched[at] = (touched[at] ?? 0) ^ 0x5a;
      writeFileSync(file, touched);
      codes.add(
        await unpack(file).then(
          () => "unnoticed",
          (error: TroupeError) => error.code,
        ),
      );
      rmSync(out, { recursive: true });
      mkdirSync(out);
      writeFileSync(file, whole);
    }
    expect([...codes]).toEqual(["backup.invalid"]);
  });

  test("is refused by its reader before anything is unpacked, and when it is none or a newer one", async () => {
    const { file } = await pack({ "home/a": "first" });
    const own = await refusal(
      unpack(file, () => {
        throw new Error("Not this one.");
      }),
    );
    const newer = (await pack2("two", { v: 2 })).error;
    writeFileSync(file, "no backup");
    const none = await refusal(unpack(file));
    writeFileSync(
      file,
      zstdCompressSync(Buffer.concat([tarHeader({ name: "x", size: 0, mode: 0, modifiedAt: 0 }), TAR_END])),
    );
    const other = await refusal(unpack(file));

    expect(own.message).toBe("Not this one.");
    expect(newer.message).toContain("made by a newer Troupe (1.2.3)");
    expect([none.code, other.code]).toEqual(["backup.invalid", "backup.invalid"]);
    expect(readdirSync(out)).toEqual([]);
  });

  async function pack2(name: string, change: Partial<Record<keyof Manifest, unknown>>) {
    rmSync(join(folder, "one.tar.zst"));
    const { file } = await pack({ [`home/${name}`]: "x" }, change);
    return { error: await refusal(unpack(file)) };
  }

  test.each(["../outside", "home/../../outside", "/etc/outside", "home//a", "other/a"])(
    "writes nothing for a name such as %s",
    async (name) => {
      const { file } = await pack({ [name]: "x" });

      expect((await refusal(unpack(file))).code).toBe("backup.invalid");
      expect(readdirSync(out)).toEqual([]);
    },
  );
});

test("a tar gives back any names and sizes, however its stream is cut into pieces", async () => {
  const file = fc.record({
    name: fc
      .string({ minLength: 1, maxLength: 300, unit: "grapheme" })
      .filter((name) => !name.includes("\0")),
    bytes: fc.uint8Array({ maxLength: 2000 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(file, { maxLength: 5 }),
      fc.integer({ min: 1, max: 700 }),
      async (files, step) => {
        const archive = Buffer.concat([
          ...files.flatMap(({ name, bytes }) => [
            tarHeader({ name, size: bytes.length, mode: 0o600, modifiedAt: 0 }),
            bytes,
            tarPadding(bytes.length),
          ]),
          TAR_END,
        ]);
        const pieces = Array.from({ length: Math.ceil(archive.length / step) }, (_, n) =>
          archive.subarray(n * step, (n + 1) * step),
        );
        const found: { name: string; bytes: Uint8Array }[] = [];
        for await (const entry of readTar(Readable.from(pieces))) {
          const body: Buffer[] = [];
          for await (const piece of entry.body) body.push(piece);
          found.push({ name: entry.name, bytes: new Uint8Array(Buffer.concat(body)) });
        }
        expect(found).toEqual(files);
      },
    ),
    { numRuns: 60, examples: [[[{ name: `${"a\n9 size=".repeat(20)}b`, bytes: new Uint8Array(3) }], 7]] },
  );
});
