import type { Config } from "./config/index.ts";

/** The zone of whoever names none: that of the configuration, or of this machine. */
export function zoneOf({ timeZone }: Pick<Config, "timeZone">): string {
  return timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The zone that a peer's words about times mean. */
export function peerZone(config: Pick<Config, "timeZone" | "peers">, peerId: string): string {
  const own = Object.hasOwn(config.peers, peerId) ? config.peers[peerId] : undefined;
  return own?.timeZone ?? zoneOf(config);
}
