import { randomUUID } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { KEY_BYTES, keyId, newKey } from "./envelope.ts";

/** 256 random bits that open every data key. It is never in the database, and in a backup only when asked for. */
export interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Where the master key is, as one word of the environment or a file. */
export interface GivenKey {
  /** `TROUPE_MASTER_KEY`: the key as text. */
  readonly text?: string | undefined;
  /** `TROUPE_MASTER_KEY_FILE`: a file that holds it. */
  readonly file?: string | undefined;
}

export interface MasterKeys {
  /** Where it is, for people: `~/.troupe/master.key`, `TROUPE_MASTER_KEY`. */
  readonly where: string;
  /** It is a file of the home, so that Troupe may make it and change it. */
  readonly isOwn: boolean;
  /** The one that seals, then those that still open. Empty when there is none. Throws `secret.locked`. */
  read(): readonly MasterKey[];
  /** The one that seals; made where none is and it is a file of the home. Throws `secret.locked`. */
  ensure(): MasterKey;
  /** Begins a change of an own key, or goes on with one that was interrupted: the new key, which seals from now on. */
  beginChange(): MasterKey;
  /** Nothing is sealed with the old key any more; the new one takes its place. */
  endChange(): void;
}

const FILE = "master.key";
/** Beside it while a change is under way: both open, this one seals. */
const NEXT_FILE = "master.key.next";
const OPEN_TO_OTHERS = 0o077;

/**
 * `given` comes first; else the file of the home counts. `old` opens what an earlier given key sealed. `display` shortens
 * paths for people.
 */
export function createMasterKeys(options: {
  readonly home: string;
  readonly given: GivenKey;
  readonly old: GivenKey;
  readonly display: (path: string) => string;
}): MasterKeys {
  const { home, given, old, display } = options;
  const own = join(home, FILE);
  const next = join(home, NEXT_FILE);
  if (given.text !== undefined || given.file !== undefined) return givenKeys(given, old, display);

  const read = (): readonly MasterKey[] =>
    [next, own].flatMap((path) => readKeyFile(path, display(path)) ?? []);
  return {
    where: display(own),
    isOwn: true,
    read,
    ensure() {
      const [found] = read();
      if (found !== undefined) return found;
      writeKeyFile(own);
      const [made] = read();
      if (made === undefined)
        throw locked(`The master key ${display(own)} cannot be read after it was written.`);
      return made;
    },
    beginChange() {
      writeKeyFile(next);
      const [made] = read();
      if (made === undefined)
        throw locked(`The master key ${display(next)} cannot be read after it was written.`);
      return made;
    },
    endChange() {
      renameSync(next, own);
      syncFolder(home);
    },
  };
}

function givenKeys(given: GivenKey, old: GivenKey, display: (path: string) => string): MasterKeys {
  const where = given.text === undefined ? display(given.file ?? "") : "TROUPE_MASTER_KEY";
  const read = (): readonly MasterKey[] => {
    const current = readGiven(given, "TROUPE_MASTER_KEY", display);
    if (current === undefined) {
      throw locked(
        `TROUPE_MASTER_KEY_FILE names ${where}, which is not there. Put the master key there, or unset it.`,
      );
    }
    const earlier = readGiven(old, "TROUPE_MASTER_KEY_OLD", display);
    return earlier === undefined ? [current] : [current, earlier];
  };
  const change = (): never => {
    throw new TroupeError(
      `The master key comes from ${where}, which Troupe does not change. Set the new one there and the old one as TROUPE_MASTER_KEY_OLD, restart, and run this again.`,
      { code: "request.conflict" },
    );
  };
  return {
    where,
    isOwn: false,
    read,
    ensure: () => read()[0] ?? change(),
    beginChange: change,
    endChange: () => undefined,
  };
}

function readGiven(
  { text, file }: GivenKey,
  name: string,
  display: (path: string) => string,
): MasterKey | undefined {
  if (text !== undefined) return parseKey(text, name);
  return file === undefined ? undefined : readKeyFile(file, display(file));
}

/** Undefined when it is not there. Throws `secret.locked` for one that others can read, or that holds no key. */
function readKeyFile(path: string, shown: string): MasterKey | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw locked(
      `The master key ${shown} cannot be read (${code}). It must belong to the user that runs Troupe.`,
      error,
    );
  }
  try {
    // Of the file that was opened, not of what may lie there a moment later.
    if ((fstatSync(descriptor).mode & OPEN_TO_OTHERS) !== 0) {
      throw locked(
        `Others on this machine may read the master key ${shown}. Close it: chmod 600 ${shown}. If somebody may have read it, change it then: ./troupe secret rotate --master.`,
      );
    }
    return parseKey(readFileSync(descriptor, "utf8"), shown);
  } finally {
    closeSync(descriptor);
  }
}

/** 32 bytes as base64, base64url or hex. */
function parseKey(text: string, where: string): MasterKey {
  const trimmed = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, "hex")
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, "base64")
      : undefined;
  if (bytes?.length === KEY_BYTES) return { id: keyId(bytes), bytes };
  throw locked(
    `${where} holds no master key: it must be 32 random bytes as base64 or hex, such as openssl rand -base64 32 gives.`,
  );
}

/** Writes a new key unless one is there, whole or not at all, and durable before anything is sealed with it. */
function writeKeyFile(path: string): void {
  // Not by the number of this process, which in a container is that of the one that was killed here before.
  const draft = `${path}.${randomUUID()}.new`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(descriptor, `${newKey().toString("base64url")}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    // Unlike a rename, a link never replaces a key that another process wrote meanwhile.
    linkSync(draft, path);
    syncFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function locked(message: string, cause?: unknown): TroupeError {
  return new TroupeError(message, { code: "secret.locked", cause });
}
