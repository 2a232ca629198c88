import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from "node:crypto";

/** AES-256-GCM with random nonces of 96 bits: below 2^32 seals a key. Source: NIST SP 800-38D §8.3. */
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;
const FINGERPRINT_CHARACTERS = 12;
const ID_CHARACTERS = 16;

export interface Sealed {
  readonly nonce: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
}

/** `place` is what the seal is bound to: opened for another place it does not open. */
export function seal(key: Buffer, plain: Buffer, place: readonly (string | number)[]): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bytesOf(place));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { nonce: nonce.toString("base64url"), sealed: sealed.toString("base64url") };
}

/** Undefined when it was changed, moved, or sealed with another key: nobody can say which. */
export function unseal(
  key: Buffer,
  { nonce, sealed }: Sealed,
  place: readonly (string | number)[],
): Buffer | undefined {
  const box = Buffer.from(sealed, "base64url");
  const start = Buffer.from(nonce, "base64url");
  if (box.length < TAG_BYTES || start.length !== NONCE_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, start, { authTagLength: TAG_BYTES });
  decipher.setAAD(bytesOf(place));
  decipher.setAuthTag(box.subarray(box.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(box.subarray(0, box.length - TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

export function newKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** Says which master key it is, and nothing else about it. */
export function keyId(key: Buffer): string {
  return hash("sha256", Buffer.concat([Buffer.from("troupe.master-key.v1\0"), key]), "hex").slice(
    0,
    ID_CHARACTERS,
  );
}

/** Keyed, so that a short value cannot be guessed from it without the data key. */
export function fingerprintOf(dataKey: Buffer, value: string): string {
  const key = Buffer.from(hkdfSync("sha256", dataKey, "", "troupe.secret.fingerprint.v1", KEY_BYTES));
  return createHmac("sha256", key).update(value).digest("hex").slice(0, FINGERPRINT_CHARACTERS);
}

/** JSON, so that no two places have the same bytes. */
function bytesOf(place: readonly (string | number)[]): Buffer {
  return Buffer.from(JSON.stringify(place));
}
