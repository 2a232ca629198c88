import { hash, randomBytes } from "node:crypto";
import type { Clock, IdGenerator, SignInRecord } from "@troupe/contracts";

/** Without letters that look like digits, so that a code can be typed from another screen. Source: crockford.com/base32. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_CHARACTERS = 8;
const CODE_FOR_MS = 10 * 60_000;
const TOKEN_BYTES = 32;

export interface NewSignInLink {
  readonly record: SignInRecord;
  /** `7Q4K-M2XD`. It is told once and kept nowhere. */
  readonly code: string;
}

/** A link that signs one browser in, within ten minutes, and what is kept of it. */
export function makeSignInLink(
  deps: { readonly clock: Clock; readonly ids: IdGenerator },
  what: Pick<SignInRecord, "spaceId" | "principalKind" | "principalId" | "name">,
): NewSignInLink {
  const letters = Array.from(randomBytes(CODE_CHARACTERS), (byte) => ALPHABET[byte % ALPHABET.length]).join(
    "",
  );
  const code = `${letters.slice(0, 4)}-${letters.slice(4)}`;
  const createdAt = deps.clock.now();
  const record = {
    ...{ id: deps.ids.next(), ...what, codeHash: hashSignInCode(code), codeUntil: createdAt + CODE_FOR_MS },
    ...{ createdAt, usedAt: undefined, tokenHash: undefined, until: undefined, revokedAt: undefined },
  };
  return { code, record };
}

/** SHA-256 of a code, hex, as people may write it: in small letters, without the hyphen, O for 0 and I or L for 1. */
export function hashSignInCode(code: string): string {
  const plain = code
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");
  return hash("sha256", plain, "hex");
}

/** What a browser shows from then on: 256 random bits. */
export function makeBrowserToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}
