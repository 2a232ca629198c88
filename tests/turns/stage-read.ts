import type { InboundMessage, TurnEvent } from "@troupe/contracts";
import type { Stage } from "./stage.ts";

const options = { signal: new AbortController().signal };

/** What the present state of a turn and its messages is. */
export async function recordOf(stage: Stage, turnId: string) {
  const [turn, inbound, steps] = await Promise.all([
    stage.stores.turns.get(turnId, options),
    stage.stores.inbox.ofTurn(turnId, options),
    stage.stores.turns.steps(turnId, options),
  ]);
  if (turn === undefined) throw new Error(`no turn ${turnId}`);
  return { turn, inbound, steps };
}

export async function messagesOf(stage: Stage, sessionId: string) {
  return (await stage.stores.sessions.messages({ sessionId }, options)).items;
}

/** Text of every message of a request, with its role. */
export function promptOf({ model }: Pick<Stage, "model">, request: number): string[] {
  return (model.requests[request]?.messages ?? []).map((one) => `${one.role}: ${one.text}`);
}

export function endOf(
  events: readonly TurnEvent[],
  turnId: string,
): Extract<TurnEvent, { type: "end" }> | undefined {
  return events.find(
    (event): event is Extract<TurnEvent, { type: "end" }> => event.turnId === turnId && event.type === "end",
  );
}

export function streamed(events: readonly TurnEvent[], turnId: string): string {
  return events
    .filter((event) => event.turnId === turnId)
    .reduce(
      (text, event) =>
        event.type === "attempt-start" ? "" : event.type === "text-delta" ? text + event.text : text,
      "",
    );
}

export function inboundOf(text: string, at: number): InboundMessage {
  return {
    agentId: "ana",
    channel: "api",
    sessionKey: "s1",
    peerId: "p1",
    audience: ["p1"],
    parts: [{ type: "text", text }],
    trigger: "chat",
    lane: "realtime",
    debounceMs: 0,
    receivedAt: at,
  };
}
