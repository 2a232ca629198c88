import type { AgentDirectory, QuietHours, QuietTimes } from "@troupe/contracts";
import { createQuietTimes } from "../jobs/index.ts";
import type { Config } from "./config/index.ts";
import { zoneOf } from "./time-zone.ts";

type Settings = Pick<Config, "timeZone" | "quietHours" | "peers">;

/** Quiet hours as they are configured: those of the peer, else of the agent, else of the home; in the peer's own zone. */
export function composeQuiet(config: () => Settings, agents: Pick<AgentDirectory, "get">): QuietTimes {
  return createQuietTimes(({ spaceId, agentId, peerId }) => {
    const settings = config();
    const peer = peerOf(settings, peerId);
    const hours: Pick<QuietHours, "enabled" | "from" | "to"> & { readonly timeZone?: string | undefined } =
      peer?.quietHours ?? agents.get(spaceId, agentId)?.spec.quietHours ?? settings.quietHours ?? NONE;
    if (!hours.enabled) return undefined;
    const zone = peer?.timeZone ?? hours.timeZone ?? zoneOf(settings);
    return { from: hours.from, to: hours.to, zone };
  });
}

const NONE = { enabled: false, from: "", to: "" };

function peerOf({ peers }: Settings, peerId: string): Settings["peers"][string] | undefined {
  return Object.hasOwn(peers, peerId) ? peers[peerId] : undefined;
}
