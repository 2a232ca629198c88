import type { Migration } from "./types.ts";

/** The channels that agents have for one peer are found without reading those of all others. */
export const agentChannelsByPeer: Migration = {
  name: "0026-agent-channels-by-peer",
  expands: true,
  steps: () => [
    "CREATE INDEX agent_channels_peer ON agent_channels (space_id, owner_id, peer_id, created_at, id)",
  ],
};
