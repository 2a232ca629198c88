import type { Generated } from "kysely";

export interface PersonTables {
  person_links: PersonLinkTable;
  person_offers: PersonOfferTable;
  peer_profiles: PeerProfileTable;
}

export const PERSON_TABLE_NAMES: readonly (keyof PersonTables)[] = [
  "person_links",
  "person_offers",
  "peer_profiles",
];

/** Two peers that are one human, in the order of their names. */
export interface PersonLinkTable {
  row: Generated<number>;
  id: string;
  space_id: string;
  name: string;
  other_name: string;
  proof: string;
  linked_at: number;
  ended_at: number | null;
}

/** A code that was told to a peer. */
export interface PersonOfferTable {
  space_id: string;
  name: string;
  code_hash: string;
  until: number;
}

/** How a channel shows a peer. */
export interface PeerProfileTable {
  space_id: string;
  name: string;
  shown_name: string;
  since: number;
}
