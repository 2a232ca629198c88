import { randomUUID } from "node:crypto";
import type { TurnEvent } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import type { TurnView } from "./turn-view.ts";

/** Sends one message and shows its turn until it ends. */
export async function talk(
  client: AdminClient,
  message: { readonly agentId: string; readonly session: string; readonly text: string },
  view: TurnView,
): Promise<void> {
  const { agentId, session, text } = message;
  const path = `/api/agents/${encodeURIComponent(agentId)}/messages`;
  const headers = { "idempotency-key": randomUUID() };
  await client.stream(path, { text, session }, (event) => view.event(event as TurnEvent), { headers });
}

export async function stopTurn(client: AdminClient, turnId: string): Promise<void> {
  await client.call("POST", `/api/turns/${encodeURIComponent(turnId)}/cancel`, {
    reason: "stopped at the terminal",
  });
}
