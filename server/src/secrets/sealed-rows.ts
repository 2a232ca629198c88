import { type DataKeyRow, type SecretKey, type SecretRow, TroupeError } from "@troupe/contracts";
import { fingerprintOf, seal, unseal } from "./envelope.ts";
import type { MasterKeys } from "./master-key.ts";

/** The rows of the store, opened and sealed. Each seal is bound to the place of its row. */

/** Throws `secret.locked` when no master key here opens it. */
export function openDataKey(key: DataKeyRow | undefined, master: MasterKeys): Buffer {
  const known = master.read();
  if (key === undefined) throw damaged("The key that this secret is sealed with is gone from the database.");
  if (known.length === 0) throw noMasterKey(master);
  const fitting = known.find((one) => one.id === key.masterKeyId);
  if (fitting === undefined) {
    throw new TroupeError(
      `The master key in ${master.where} is not the one that the secrets are sealed with (they need ${key.masterKeyId}, this is ${known[0]?.id}). ${REMEDY}`,
      { code: "secret.locked" },
    );
  }
  const opened = unseal(fitting.bytes, key, placeOfKey(key));
  if (opened === undefined)
    throw damaged("The key of this space's secrets was changed or moved in the database.");
  return opened;
}

export function openSecret(row: SecretRow, dataKey: Buffer): Buffer {
  const opened = unseal(dataKey, row, placeOf(row));
  if (opened !== undefined) return opened;
  throw damaged(`The secret "${row.name}" was changed or moved in the database.`, row.name);
}

/** `before` is what it replaces; its version is the one after that. */
export function sealSecret(
  before: SecretKey & { readonly version: number },
  value: string,
  key: { readonly version: number; readonly bytes: Buffer },
  { createdAt, updatedAt }: Pick<SecretRow, "createdAt" | "updatedAt">,
): SecretRow {
  const { spaceId, owner, name } = before;
  const place = { spaceId, owner, name, version: before.version + 1, keyVersion: key.version };
  return {
    ...place,
    ...seal(key.bytes, Buffer.from(value, "utf8"), placeOf(place)),
    fingerprint: fingerprintOf(key.bytes, value),
    ...{ createdAt, updatedAt },
  };
}

type Place = SecretKey & Pick<SecretRow, "version" | "keyVersion">;

function placeOf({ spaceId, owner, name, version, keyVersion }: Place): readonly (string | number)[] {
  return ["troupe.secret", 1, spaceId, owner, name, version, keyVersion];
}

export function placeOfKey({
  spaceId,
  version,
}: Pick<DataKeyRow, "spaceId" | "version">): readonly (string | number)[] {
  return ["troupe.data-key", 1, spaceId, version];
}

const REMEDY =
  "Put the right one back, or remove the secrets (./troupe secret list names them) and set them anew.";

export function noMasterKey({ where }: MasterKeys): TroupeError {
  return new TroupeError(`The master key of the secrets is not in ${where}. ${REMEDY}`, {
    code: "secret.locked",
  });
}

function damaged(message: string, name?: string): TroupeError {
  const remedy =
    name === undefined
      ? "Remove the secrets and set them anew."
      : `Set it anew: ./troupe secret set ${name}.`;
  return new TroupeError(`${message} ${remedy}`, { code: "secret.damaged" });
}
