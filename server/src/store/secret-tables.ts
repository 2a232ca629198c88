export interface SecretTable {
  space_id: string;
  /** Empty: the space's own. */
  owner: string;
  name: string;
  version: number;
  key_version: number;
  nonce: string;
  sealed: string;
  fingerprint: string;
  created_at: number;
  updated_at: number;
}

export interface DataKeyTable {
  space_id: string;
  version: number;
  master_key_id: string;
  nonce: string;
  sealed: string;
  created_at: number;
}
