/**
 * The part of the tar format that a backup needs: files with names, sizes, permissions and times, so that any tar can open
 * one. Source: pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, ustar and extended headers.
 */
import { TroupeError } from "@troupe/contracts";

const BLOCK = 512;
const LONGEST_NAME = 100;
/** Eleven octal digits. */
const LARGEST_SIZE = 0o77777777777;
const MOST_EXTENDED_BYTES = 64 * 1024;

export interface TarFile {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  /** UTC milliseconds. */
  readonly modifiedAt: number;
}

/** What stands before the bytes of a file. */
export function tarHeader(file: TarFile): Buffer {
  const isLong = Buffer.byteLength(file.name) > LONGEST_NAME || file.size > LARGEST_SIZE;
  if (!isLong) return header(file, "0");
  const records = Buffer.from(record("path", file.name) + record("size", String(file.size)));
  const extended = { ...file, name: "pax", size: records.length, mode: 0o600 };
  const short = { ...file, name: "long", size: Math.min(file.size, LARGEST_SIZE) };
  return Buffer.concat([header(extended, "x"), records, tarPadding(records.length), header(short, "0")]);
}

/** What stands after the bytes of a file. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

function header({ name, size, mode, modifiedAt }: TarFile, type: "0" | "x"): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, LONGEST_NAME, "utf8");
  block.write(`${octal(mode & 0o7777, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, "latin1");
  block.write(
    `${octal(size, 11)}\0${octal(Math.floor(modifiedAt / 1000), 11)}\0        ${type}`,
    124,
    "latin1",
  );
  block.write("ustar\0" + "00", 257, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** `LENGTH key=value\n`, its own length included. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  /** Its bytes, once, before the next entry is asked for; what is not read is passed over. */
  readonly body: AsyncIterable<Buffer>;
}

/** The files of an archive, in order. Throws `backup.invalid` for one that is cut short or is no archive. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const reader = createReader(source);
  let extended: Readonly<Record<string, string>> = {};
  for (;;) {
    const block = await reader.exactly(BLOCK);
    if (block === undefined) throw cutShort();
    if (block.every((byte) => byte === 0)) {
      // To the very end, where the compression has its own checksum.
      while ((await reader.upTo(BLOCK)) !== undefined);
      return;
    }
    const found = parseHeader(block);
    if (found.type === "x") {
      if (found.size > MOST_EXTENDED_BYTES) throw cutShort();
      const records = await reader.exactly(found.size);
      await reader.skip(tarPadding(found.size).length);
      if (records === undefined) throw cutShort();
      extended = parseRecords(records);
      continue;
    }
    const name = extended.path ?? found.name;
    const size = extended.size === undefined ? found.size : Number(extended.size);
    extended = {};
    let left = size;
    const body = (async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const piece = await reader.upTo(left);
        if (piece === undefined) throw cutShort();
        left -= piece.length;
        yield piece;
      }
    })();
    // Folders and links have no place in a backup.
    if (found.type === "0" || found.type === "\0") yield { name, size, body };
    await reader.skip(left);
    left = 0;
    await reader.skip(tarPadding(size).length);
  }
}

function parseHeader(block: Buffer): { readonly name: string; readonly size: number; readonly type: string } {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 32 : byte;
  const number = (from: number, to: number): number =>
    Number.parseInt(block.toString("latin1", from, to).replaceAll("\0", " ").trim() || "0", 8);
  const size = number(124, 136);
  if (number(148, 156) !== sum || !Number.isSafeInteger(size) || size < 0) throw cutShort();
  const name = block.toString("utf8", 0, LONGEST_NAME);
  const end = name.indexOf("\0");
  return { name: end < 0 ? name : name.slice(0, end), size, type: block.toString("latin1", 156, 157) };
}

/** By their lengths, for a name may hold what ends a record. */
function parseRecords(records: Buffer): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.toString("latin1", at, at + 8), 10);
    if (!(length > 0)) throw cutShort();
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(records.toString("utf8", at, at + length)) ?? [];
    if (key === undefined || value === undefined) throw cutShort();
    found[key] = value;
    at += length;
  }
  return found;
}

/** Pieces of a stream by number of bytes; holds one piece of the stream at a time. */
function createReader(source: AsyncIterable<Buffer>) {
  const pieces = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  /** At least one byte and at most `most`; undefined at the end. */
  const upTo = async (most: number): Promise<Buffer | undefined> => {
    while (rest.length === 0) {
      const next = await pieces.next();
      if (next.done === true) return undefined;
      rest = next.value;
    }
    const piece = rest.subarray(0, most);
    rest = rest.subarray(piece.length);
    return piece;
  };
  const exactly = async (bytes: number): Promise<Buffer | undefined> => {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const piece = await upTo(left);
      if (piece === undefined) return undefined;
      parts.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(parts);
  };
  const skip = async (bytes: number): Promise<void> => {
    for (let left = bytes; left > 0; ) {
      const piece = await upTo(left);
      if (piece === undefined) throw cutShort();
      left -= piece.length;
    }
  };
  return { upTo, exactly, skip };
}

function cutShort(): TroupeError {
  return new TroupeError(
    "The backup is damaged or cut short: its end is missing, or its parts do not fit together.",
    {
      code: "backup.invalid",
    },
  );
}
