import { randomBytes } from "node:crypto";
import { TroupeError } from "@troupe/contracts";
import { beforeAll, expect, test, vi } from "vitest";
import { isSealed, openPieces, sealPieces } from "./passphrase.ts";

// Each key is made to cost something.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const PASSPHRASE = "correct horse battery";
/** Of a piece in a file, with its tag. */
const SEALED_PIECE = 65_536 + 16;

async function* inPieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const all = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(pieces));
const sealed = (plain: Uint8Array): Promise<Buffer> => all(sealPieces(PASSPHRASE, inPieces(plain)));
const opened = (bytes: Uint8Array, passphrase = PASSPHRASE): Promise<Buffer> =>
  all(openPieces(passphrase, inPieces(bytes, 70_001), "ana.sealed"));
const refusalOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => expect.fail("It was opened."),
    (error: unknown) => (TroupeError.is(error, "request.invalid") ? error.message : String(error)),
  );

const plain = randomBytes(200_000);
let file: Buffer;
let bodyAt: number;
beforeAll(async () => {
  file = await sealed(plain);
  bodyAt = file.indexOf("\n") + 1;
});

test.each([0, 65_536, 65_537, 131_072])("%i bytes are sealed and opened again", async (length) => {
  const bytes = plain.subarray(0, length);

  const box = await sealed(bytes);

  expect(isSealed(box)).toBe(true);
  expect((await opened(box)).equals(bytes)).toBe(true);
});

test("what was sealed is not in the file, which is another one each time", async () => {
  const text = "Kate drinks green tea";
  const [one, other] = [await sealed(Buffer.from(text)), await sealed(Buffer.from(text))];

  expect(one.includes("green tea")).toBe(false);
  expect(one.equals(other)).toBe(false);
  expect(isSealed(Buffer.from('{"format":"troupe-memory","v":2}'))).toBe(false);
});

test("another passphrase is said in one sentence, and letters typed in another form are the same one", async () => {
  expect(await refusalOf(opened(file, "wrong horse battery"))).toBe(
    "The passphrase is not the one that ana.sealed was sealed with.",
  );
  const composed = await all(sealPieces("caf\u00e9 au lait", inPieces(Buffer.from("x"))));
  expect((await opened(composed, "cafe\u0301 au lait")).toString()).toBe("x");
  expect(await refusalOf(all(sealPieces("short", inPieces(plain))))).toMatch(/8 characters at least/);
});

test("a file that was changed, cut off at whatever place, or whose pieces were moved is not opened", async () => {
  const cut = [bodyAt, bodyAt + SEALED_PIECE, file.length - 1];
  for (const length of cut)
    expect(await refusalOf(opened(file.subarray(0, length)))).toMatch(/changed, or cut off/);
  const changed = Buffer.from(file);
  changed[bodyAt + 70_000] = (changed[bodyAt + 70_000] ?? 0) ^ 1;
  expect(await refusalOf(opened(changed))).toMatch(/changed, or cut off/);
  const [first, second] = [bodyAt, bodyAt + SEALED_PIECE];
  const moved = Buffer.concat([
    ...[file.subarray(0, bodyAt), file.subarray(second, second + SEALED_PIECE)],
    ...[file.subarray(first, second), file.subarray(second + SEALED_PIECE)],
  ]);
  expect(await refusalOf(opened(moved))).toMatch(/changed, or cut off/);
  expect(await refusalOf(opened(Buffer.concat([file, Buffer.from("more")])))).toMatch(/changed, or cut off/);
});

test("a first line that asks for too much, says nothing, or is of a newer version is refused before any work", async () => {
  const withLine = (change: (line: string) => string): Buffer =>
    Buffer.concat([Buffer.from(change(file.subarray(0, bodyAt).toString())), file.subarray(bodyAt)]);

  expect(await refusalOf(opened(withLine((line) => line.replace('"n":131072', '"n":1073741824'))))).toMatch(
    /changed, or cut off/,
  );
  expect(await refusalOf(opened(withLine((line) => line.replace('"v":1', '"v":2'))))).toMatch(/newer Troupe/);
  expect(await refusalOf(opened(withLine(() => '{"format":"troupe-sealed"}\n')))).toMatch(/cut off/);
  expect(await refusalOf(opened(Buffer.from('{"format":"troupe-sealed"')))).toMatch(/cut off/);
  expect(await refusalOf(opened(Buffer.alloc(0)))).toMatch(/cut off/);
});
