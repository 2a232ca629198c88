import { createTellTime } from "../agent/index.ts";
import type { Config } from "./config/index.ts";

/** The zone of whoever names none: that of the configuration, or of this machine. */
export function zoneOf({ timeZone }: Pick<Config, "timeZone">): string {
  return timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/**
 * The same for the configuration in force, asked with each turn: the machine's own zone is looked up once, which costs more than the
 * rest of the question.
 */
export function peerZones(config: () => Pick<Config, "timeZone" | "peers">): (peerId: string) => string {
  let machine: string | undefined;
  return (peerId) => {
    const { timeZone, peers } = config();
    if (timeZone === undefined) machine ??= zoneOf({ timeZone });
    return peerZone({ timeZone: timeZone ?? machine, peers }, peerId);
  };
}

/** What time it is for each peer, by the configuration in force. */
export function tellTimeBy(
  config: () => Pick<Config, "timeZone" | "peers">,
): ReturnType<typeof createTellTime> {
  return createTellTime(peerZones(config));
}

/** The zone that a peer's words about times mean. */
export function peerZone(config: Pick<Config, "timeZone" | "peers">, peerId: string): string {
  const own = Object.hasOwn(config.peers, peerId) ? config.peers[peerId] : undefined;
  return own?.timeZone ?? zoneOf(config);
}
