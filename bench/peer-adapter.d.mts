import type { Peer } from "./harness/peer.ts";

export function setup(to: {
  /** Of the model server, up to and including `/v1`. */
  readonly baseURL: string;
  readonly dataDir: string;
  /** The whole history belongs into each request; Troupe's always does. */
  readonly full?: boolean;
}): Promise<Peer>;
