/** Secrets at rest: sealed with a key per space, which is sealed with a master key outside the database. */
export {
  createMasterKeys,
  type GivenKey,
  type MasterKey,
  type MasterKeys,
} from "./master-key.ts";
export { isSealed, openPieces, sealPieces } from "./passphrase.ts";
export { createSecretReader, createVault, isSecretName, type SecretInfo, type Vault } from "./vault.ts";
