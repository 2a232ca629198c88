import {
  type CallOptions,
  type Clock,
  type DataKeyRow,
  type SecretKey,
  type SecretRow,
  type SecretStore,
  TroupeError,
  type UnitOfWork,
} from "@troupe/contracts";
import { untilAborted } from "../kit/index.ts";
import { newKey, seal } from "./envelope.ts";
import type { MasterKey, MasterKeys } from "./master-key.ts";
import { noMasterKey, openDataKey, openSecret, placeOfKey, sealSecret } from "./sealed-rows.ts";

/** What may be told of a secret. */
export interface SecretInfo {
  readonly name: string;
  /** Rises with each change. */
  readonly version: number;
  readonly fingerprint: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Opens and seals; changes come one after the other. Errors: `secret.locked` for the master key, `secret.damaged` for a row, `request.*` for what was asked. */
export interface Vault {
  /** Undefined when there is none of this name. */
  get(secret: SecretKey, options: CallOptions): Promise<string | undefined>;
  /** Makes or replaces it. The first one of a home makes the master key. */
  set(secret: SecretKey, value: string, options: CallOptions): Promise<SecretInfo>;
  /** Needs no master key. Throws `request.not_found`. With the last secret of a space its data keys go too. */
  remove(secret: SecretKey, options: CallOptions): Promise<void>;
  /** Needs no master key. */
  list(spaceId: string, owner: string, options: CallOptions): Promise<readonly SecretInfo[]>;
  /**
   * A new data key for the space; every secret is sealed with it, then the old one is forgotten. Interrupted, it goes on
   * where it was. Resolves with how many were sealed anew.
   */
  rotateDataKey(spaceId: string, options: CallOptions): Promise<{ readonly resealed: number }>;
  /** A new master key; every data key is sealed with it. Interrupted, it goes on where it was. */
  rotateMasterKey(options: CallOptions): Promise<{ readonly rewrapped: number }>;
}

const NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const LONGEST_BYTES = 64 * 1024;
/** Another process may change a secret while this one sets it, or its keys between the two reads of one. */
const ATTEMPTS = 3;

export function isSecretName(name: string): boolean {
  return NAME.test(name);
}

export interface VaultDeps {
  readonly store: SecretStore;
  readonly unit: UnitOfWork;
  readonly master: MasterKeys;
  readonly clock: Clock;
}

/** The one of its process: two would not wait for each other's changes. */
export function createVault(deps: VaultDeps): Vault {
  const { store } = deps;
  const inTurn = createTurnstile();
  return {
    ...createSecretReader(deps),
    set: (secret, value, options) => inTurn(options, () => setSecret(deps, secret, value, options)),
    remove: (secret, options) => inTurn(options, () => removeSecret(deps, secret, options)),
    async list(spaceId, owner, options) {
      return (await store.list(spaceId, options)).filter((row) => row.owner === owner).map(infoOf);
    },
    rotateDataKey: (spaceId, options) => inTurn(options, () => rotateDataKey(deps, spaceId, options)),
    rotateMasterKey: (options) => inTurn(options, () => rotateMasterKey(deps, options)),
  };
}

type Turnstile = <Result>(options: CallOptions, change: () => Promise<Result>) => Promise<Result>;

/** A key that one change seals with must not be exchanged by another before its row is kept. */
function createTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve();
  return ({ signal }, change) => {
    const mine = last.then(() => {
      signal.throwIfAborted();
      return change();
    });
    last = mine.catch(() => undefined);
    return untilAborted(mine, signal);
  };
}

async function removeSecret(
  { store, unit }: VaultDeps,
  secret: SecretKey,
  options: CallOptions,
): Promise<void> {
  const rows = await store.list(secret.spaceId, options);
  if (!rows.some(isNamed(secret))) throw unknownSecret(secret, rows);
  const keys = rows.length > 1 ? [] : await keysOf(store, secret.spaceId, options);
  await unit.commit([store.remove(secret), ...keys.map((key) => store.removeKey(key))], options);
}

async function rotateDataKey(
  deps: VaultDeps,
  spaceId: string,
  options: CallOptions,
): Promise<{ readonly resealed: number }> {
  const { store, unit, master } = deps;
  const rows = await store.list(spaceId, options);
  const keys = await keysOf(store, spaceId, options);
  if (rows.length === 0) return { resealed: 0 };
  const newest = keys.at(-1);
  // Rows of an older key are what an interrupted rotation left; it goes on before another begins.
  const goesOn = newest !== undefined && rows.some((row) => row.keyVersion < newest.version);
  const current = goesOn ? newest : await addDataKey(deps, spaceId, (newest?.version ?? 0) + 1, options);
  const target = { version: current.version, bytes: openDataKey(current, master) };
  const stale = rows.filter((row) => row.keyVersion !== target.version);
  for (const row of stale) {
    const opened = openSecret(row, openDataKey(keys.find(isVersion(row.keyVersion)), master));
    const resealed = sealSecret(row, opened.toString("utf8"), target, row);
    // Somebody who sets it meanwhile seals it with the new key; then there is nothing left to do.
    await unit.commit([store.put(resealed)], options).catch(unlessConflict);
  }
  const old = keys.filter((key) => key.version < target.version);
  await unit.commit(
    old.map((key) => store.removeKey(key)),
    options,
  );
  return { resealed: stale.length };
}

async function rotateMasterKey(
  { store, unit, master }: VaultDeps,
  options: CallOptions,
): Promise<{ readonly rewrapped: number }> {
  // All are opened before anything changes: with a wrong key nothing is begun.
  const opened = (await store.keys(options)).map((key) => ({ key, bytes: openDataKey(key, master) }));
  const to = !master.isOwn && master.read().length > 1 ? master.ensure() : master.beginChange();
  const stale = opened.filter(({ key }) => key.masterKeyId !== to.id);
  const writes = stale.map(({ key, bytes }) => {
    const sealed = seal(to.bytes, bytes, placeOfKey(key));
    return store.rewrapKey({ ...key, masterKeyId: to.id, ...sealed }, key.masterKeyId);
  });
  if (writes.length > 0) await unit.commit(writes, options);
  master.endChange();
  return { rewrapped: stale.length };
}

/** Opens alone: for whoever reads a configuration, and changes nothing. */
export function createSecretReader({
  store,
  master,
}: {
  readonly store: Pick<SecretStore, "get" | "keys">;
  readonly master: MasterKeys;
}): Pick<Vault, "get"> {
  return {
    async get(secret, options) {
      for (let attempt = 1; ; attempt++) {
        const row = await store.get(secret, options);
        if (row === undefined) return undefined;
        const keys = await keysOf(store, secret.spaceId, options);
        try {
          const key = openDataKey(keys.find(isVersion(row.keyVersion)), master);
          return openSecret(row, key).toString("utf8");
        } catch (error) {
          // A rotation that ended between the two reads left what was read first without its key.
          if (attempt === ATTEMPTS) throw error;
        }
      }
    },
  };
}

async function setSecret(
  deps: VaultDeps,
  secret: SecretKey,
  value: string,
  options: CallOptions,
): Promise<SecretInfo> {
  checkSecret(secret, value);
  const { store, unit, master, clock } = deps;
  for (let attempt = 1; ; attempt++) {
    const newest = (await keysOf(store, secret.spaceId, options)).at(-1);
    const key = newest ?? (await addDataKey(deps, secret.spaceId, 1, options));
    const kept = await store.get(secret, options);
    const now = clock.now();
    const dates = { createdAt: kept?.createdAt ?? now, updatedAt: now };
    const base = { ...secret, version: kept?.version ?? 0, ...dates };
    const row = sealSecret(base, value, { version: key.version, bytes: openDataKey(key, master) }, dates);
    try {
      await unit.commit([store.put(row)], options);
      return infoOf(row);
    } catch (error) {
      if (!TroupeError.is(error, "store.conflict") || attempt === ATTEMPTS) throw error;
    }
  }
}

async function addDataKey(
  { store, unit, master, clock }: VaultDeps,
  spaceId: string,
  version: number,
  options: CallOptions,
): Promise<DataKeyRow> {
  const wrapping = version === 1 ? master.ensure() : masterFor(master);
  const place = placeOfKey({ spaceId, version });
  const key = {
    ...{ spaceId, version, masterKeyId: wrapping.id, createdAt: clock.now() },
    ...seal(wrapping.bytes, newKey(), place),
  };
  await unit.commit([store.putKey(key)], options).catch(unlessConflict);
  const kept = (await keysOf(store, spaceId, options)).find(isVersion(version));
  if (kept === undefined)
    throw new TroupeError("The space's key was removed meanwhile; try again.", { code: "store.conflict" });
  return kept;
}

function masterFor(master: MasterKeys): MasterKey {
  const [current] = master.read();
  if (current === undefined) throw noMasterKey(master);
  return current;
}

async function keysOf(
  store: Pick<SecretStore, "keys">,
  spaceId: string,
  options: CallOptions,
): Promise<readonly DataKeyRow[]> {
  return (await store.keys(options)).filter((key) => key.spaceId === spaceId);
}

function infoOf({ name, version, fingerprint, createdAt, updatedAt }: SecretRow): SecretInfo {
  return { name, version, fingerprint, createdAt, updatedAt };
}

const isVersion = (version: number) => (key: DataKeyRow) => key.version === version;
const isNamed = (secret: SecretKey) => (row: SecretRow) =>
  row.owner === secret.owner && row.name === secret.name;

function checkSecret({ name }: SecretKey, value: string): void {
  const refuse = (message: string): never => {
    throw new TroupeError(message, { code: "request.invalid" });
  };
  if (!isSecretName(name)) {
    refuse(
      `"${name.slice(0, 64)}" is no name for a secret: it starts with a letter and holds a–z, 0–9, _, . and -, at most 64.`,
    );
  }
  if (value === "") refuse(`The value of "${name}" is empty. ./troupe secret remove ${name} takes it away.`);
  if (Buffer.byteLength(value) > LONGEST_BYTES) refuse(`The value of "${name}" is longer than 64 KiB.`);
  if (value.includes("\0")) refuse(`The value of "${name}" is no text: it holds a zero byte.`);
}

function unlessConflict(error: unknown): void {
  if (!TroupeError.is(error, "store.conflict")) throw error;
}

function unknownSecret({ owner, name }: SecretKey, rows: readonly SecretRow[]): TroupeError {
  const known = rows
    .filter((row) => row.owner === owner)
    .map((row) => row.name)
    .join(", ");
  return new TroupeError(
    `There is no secret "${name.slice(0, 64)}". ${known === "" ? "None is set." : `Known: ${known}.`}`,
    { code: "request.not_found" },
  );
}
