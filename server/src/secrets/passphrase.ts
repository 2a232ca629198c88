import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { TroupeError } from "@troupe/contracts";

const FORMAT = "troupe-sealed";
const VERSION = 1;
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const PIECE_BYTES = 65_536;
/** 128 MiB and some tenths of a second for each guess. Source: OWASP Password Storage Cheat Sheet, scrypt. */
const COST = { n: 2 ** 17, r: 8, p: 1 };
/** Whoever made the file says what opening it costs, so it has a bound. */
const MOST_MEMORY_BYTES = 256 * 1024 * 1024;
const MOST_PARALLEL = 4;
const MOST_HEADER_BYTES = 1_024;
export const LEAST_PASSPHRASE_CHARACTERS = 8;

/** The first line of a sealed file; what follows are the sealed pieces. */
interface Header {
  readonly format: typeof FORMAT;
  readonly v: number;
  readonly kdf: "scrypt";
  readonly n: number;
  readonly r: number;
  readonly p: number;
  /** base64url. */
  readonly salt: string;
  /** Of what a piece holds; only the last one holds less. */
  readonly pieceBytes: number;
  /** Says whether a passphrase is the right one, and nothing else. base64url. */
  readonly check: string;
}

/** Whether a file that begins so is sealed with a passphrase. */
export function isSealed(beginning: Uint8Array): boolean {
  const mark = `{"format":"${FORMAT}"`;
  return Buffer.from(beginning.subarray(0, mark.length)).toString("latin1") === mark;
}

/**
 * Seals what comes, piece by piece, with AES-256-GCM and a key that scrypt makes of the passphrase. A piece is bound to its place, to
 * the first line, and to being the last one or not, so that none can be changed, moved, left out or cut off. Source of the
 * construction: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
 * Misuse-Resistance" (2015), STREAM. Throws `request.invalid` for a passphrase that is too short.
 */
export async function* sealPieces(
  passphrase: string,
  pieces: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Buffer> {
  if (passphrase.length < LEAST_PASSPHRASE_CHARACTERS) {
    throw new TroupeError(`A passphrase has ${LEAST_PASSPHRASE_CHARACTERS} characters at least.`, {
      code: "request.invalid",
    });
  }
  const about = { format: FORMAT, v: VERSION, kdf: "scrypt", ...COST } as const;
  const salt = randomBytes(SALT_BYTES).toString("base64url");
  const open = { ...about, salt, pieceBytes: PIECE_BYTES };
  const keys = await keysOf(passphrase, open);
  const line = Buffer.from(`${JSON.stringify({ ...open, check: checkOf(keys.check, open) })}\n`);
  yield line;
  let count = 0;
  let held: Buffer = Buffer.alloc(0);
  const seal = (plain: Buffer, isLast: boolean): Buffer => {
    const cipher = createCipheriv(CIPHER, keys.seal, nonceOf(count++, isLast), { authTagLength: TAG_BYTES });
    cipher.setAAD(line);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  for await (const piece of pieces) {
    held = Buffer.concat([held, typeof piece === "string" ? Buffer.from(piece) : piece]);
    // The last piece is sealed otherwise, so one is held back until it is known not to be that.
    for (; held.length > PIECE_BYTES; held = held.subarray(PIECE_BYTES))
      yield seal(held.subarray(0, PIECE_BYTES), false);
  }
  yield seal(held, true);
}

/**
 * Opens what `sealPieces` sealed, piece by piece; nothing is given out that was not proved. Throws `request.invalid` for another
 * passphrase, for a file of a newer version, and for one that was changed or cut off. `name` is the file, for its errors.
 */
export async function* openPieces(
  passphrase: string,
  pieces: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  let opening: Awaited<ReturnType<typeof openingOf>> | undefined;
  for await (const piece of pieces) {
    held = Buffer.concat([held, piece]);
    if (opening === undefined) {
      const end = held.indexOf("\n");
      if (end < 0 && held.length <= MOST_HEADER_BYTES) continue;
      opening = await openingOf(passphrase, held.subarray(0, end + 1), name);
      held = held.subarray(end + 1);
    }
    const { sealedBytes } = opening;
    for (; held.length > sealedBytes; held = held.subarray(sealedBytes))
      yield opening.open(held.subarray(0, sealedBytes), false);
  }
  if (opening === undefined) throw damaged(name);
  yield opening.open(held, true);
}

async function openingOf(passphrase: string, line: Buffer, name: string) {
  const header = headerIn(line, name);
  const { check, ...about } = header;
  const keys = await keysOf(passphrase, header);
  const own = Buffer.from(checkOf(keys.check, about));
  const told = Buffer.from(check);
  if (own.length !== told.length || !timingSafeEqual(own, told))
    throw refused(`The passphrase is not the one that ${name} was sealed with.`);
  let count = 0;
  return {
    sealedBytes: header.pieceBytes + TAG_BYTES,
    open(sealed: Buffer, isLast: boolean): Buffer {
      if (sealed.length < TAG_BYTES) throw damaged(name);
      const nonce = nonceOf(count++, isLast);
      const decipher = createDecipheriv(CIPHER, keys.seal, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(line);
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw damaged(name, cause);
      }
    },
  };
}

function headerIn(line: Buffer, name: string): Header {
  if (line.length > MOST_HEADER_BYTES || !isSealed(line)) throw damaged(name);
  let header: Partial<Header>;
  try {
    header = JSON.parse(line.toString()) as Partial<Header>;
  } catch (cause) {
    throw damaged(name, cause);
  }
  const { v, kdf, n, r, p, salt, pieceBytes, check } = header;
  if (typeof v !== "number") throw damaged(name);
  if (v > VERSION) throw refused(`${name} was sealed by a newer Troupe.`);
  const isWhole =
    kdf === "scrypt" &&
    [n, r, p, pieceBytes].every((one) => Number.isSafeInteger(one) && Number(one) > 0) &&
    [salt, check].every((one) => typeof one === "string") &&
    128 * Number(n) * Number(r) <= MOST_MEMORY_BYTES &&
    Number(p) <= MOST_PARALLEL &&
    Number(pieceBytes) <= 16 * PIECE_BYTES;
  if (!isWhole) throw damaged(name);
  return header as Header;
}

interface Keys {
  readonly seal: Buffer;
  readonly check: Buffer;
}

/** The same letters typed on another system are the same passphrase. */
function keysOf(
  passphrase: string,
  { n, r, p, salt }: Pick<Header, "n" | "r" | "p" | "salt">,
): Promise<Keys> {
  const options = { N: n, r, p, maxmem: 2 * MOST_MEMORY_BYTES };
  return new Promise((resolve, reject) => {
    const words = passphrase.normalize("NFKC");
    scrypt(words, Buffer.from(salt, "base64url"), 2 * KEY_BYTES, options, (error, made) => {
      if (error === null) resolve({ seal: made.subarray(0, KEY_BYTES), check: made.subarray(KEY_BYTES) });
      else reject(error);
    });
  });
}

function checkOf(key: Buffer, about: Omit<Header, "check">): string {
  const { format, v, kdf, n, r, p, salt, pieceBytes } = about;
  const text = JSON.stringify([format, v, kdf, n, r, p, salt, pieceBytes]);
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** The key is used for one file alone, so the place of a piece is a nonce that never comes twice. */
function nonceOf(count: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function damaged(name: string, cause?: unknown): TroupeError {
  return refused(`${name} was changed, or cut off, since it was sealed. Take another copy of it.`, cause);
}

function refused(message: string, cause?: unknown): TroupeError {
  return new TroupeError(message, { code: "request.invalid", cause });
}
