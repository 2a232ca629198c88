import { redactText } from "../../kit/index.ts";

/** Beside what no log shows: blocks of private keys, the keys of well-known services, and values behind a word for secrets. */
const MORE =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}|\bAIza[0-9A-Za-z_-]{30,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}/;
const NAMED =
  /(?:pass(?:word|wort|phrase)?|secret|token|api[ _-]?key|пароль|секрет|токен)\s*(?:[:=]|\bis\b)\s*["'`]?([^\s"'`]{6,})/giu;

/** Whether a text holds what looks like a password, key or token. */
export type LooksSecret = (text: string) => boolean;

/** `hide` takes the values of secrets that this Troupe is configured with out of a text. */
export function createSecretGuard(hide: (text: string) => string): LooksSecret {
  return (text) => MORE.test(text) || isNamed(text) || redactText(text) !== text || hide(text) !== text;
}

/** A word alone is none: "the password is written down". */
function isNamed(text: string): boolean {
  for (const [, value = ""] of text.matchAll(NAMED))
    if (/\d/.test(value) && /\p{L}/u.test(value)) return true;
  return false;
}
