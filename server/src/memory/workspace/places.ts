import { createHash } from "node:crypto";

/** Files that everybody who talks with the agent meets: what it is, how it speaks and works. */
export const SHARED_FILES = ["IDENTITY.md", "SOUL.md", "AGENTS.md"] as const;
/** Files about one person, told to nobody else. */
export const OWN_FILES = ["USER.md", "MEMORY.md"] as const;
/** What nights hold fast of what is known of one person: for people to read, and in no prompt, which has it from memory. */
export const NIGHT_FILE = "DREAMS.md";
/** Folder of notes about one person. */
export const NOTES = "notes";
/** Folder with a folder for each person but those whom the agent's file names. */
export const PEOPLE = "people";

/** The longest name of a file that every file system takes, with room for what a draft adds. */
const LONGEST = 200;
const NOTE_NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,79}\.md$/u;

/** Whether it may be a note's file name: one step, letters, digits and a few signs, `.md`. */
export function isNoteName(name: string): boolean {
  return NOTE_NAME.test(name) && !name.includes("..");
}

/**
 * The folder of one person, as a path from the workspace. No two names share one, also where a file system knows no capital
 * letters: what is no small letter, digit, `-` or `_` is written as `%xx`, and `/` as `+`.
 */
export function personFolder(name: string): string {
  const written = [...Buffer.from(name)].map(writtenByte).join("");
  if (written.length <= LONGEST) return `${PEOPLE}/${written}`;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  return `${PEOPLE}/${written.slice(0, LONGEST - 33)}~${hash}`;
}

function writtenByte(byte: number): string {
  const letter = String.fromCharCode(byte);
  if (letter === "/") return "+";
  return /[a-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, "0")}`;
}

/** Whose folder it is; undefined for one that is nobody's, or whose name was too long to be written. */
export function personOf(folder: string): string | undefined {
  if (folder.includes("~")) return undefined;
  try {
    const name = decodeURIComponent(folder.replaceAll("+", "/"));
    return personFolder(name) === `${PEOPLE}/${folder}` ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a path in the folder is one of the files that Troupe shows and keeps versions of; whatever else lies there is nobody's
 * business.
 */
export function isOwnFile(path: string): boolean {
  const steps = path.split("/");
  if (steps.length === 1 && (SHARED_FILES as readonly string[]).includes(path)) return true;
  const own = steps[0] === PEOPLE ? (personLike(steps[1]) ? steps.slice(2) : []) : steps;
  const [first = "", second = ""] = own;
  if (own.length === 1) return first === NIGHT_FILE || (OWN_FILES as readonly string[]).includes(first);
  return own.length === 2 && first === NOTES && isNoteName(second);
}

function personLike(folder = ""): boolean {
  return folder !== "" && !folder.startsWith(".");
}
