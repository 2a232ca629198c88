import { randomUUID } from "node:crypto";
import { type Clock, TroupeError, type TurnEvent } from "@troupe/contracts";
import { sleep, systemClock } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import type { TurnView } from "./turn-view.ts";

/** How long a Troupe that went away is waited for, and how often it is looked for. */
const AWAY_FOR_MS = 60_000;
const AWAY_PAUSE_MS = 300;

export interface Talk {
  readonly agentId: string;
  readonly session: string;
  readonly text: string;
}

/**
 * Sends one message and shows its turn until it ends. When Troupe goes away meanwhile, it is waited for and asked again:
 * the message has a key of its own, so that it joins the turn that it began. Rejects with what it was refused with, with
 * `not_ready` when nobody came back, and with the signal's reason.
 */
export async function talk(
  client: Pick<AdminClient, "stream">,
  { agentId, session, text }: Talk,
  view: TurnView,
  options: {
    readonly signal: AbortSignal;
    /** Troupe went away, or is there again. */
    readonly onAway?: (isAway: boolean) => void;
    readonly clock?: Clock;
  },
): Promise<void> {
  const { signal, onAway, clock = systemClock() } = options;
  const path = `/api/agents/${encodeURIComponent(agentId)}/messages`;
  const headers = { "idempotency-key": randomUUID() };
  let awaySince: number | undefined;
  const onEvent = (event: unknown): void => {
    if (awaySince !== undefined) onAway?.(false);
    awaySince = undefined;
    view.event(event as TurnEvent);
  };
  for (;;) {
    let failure: TroupeError | undefined;
    try {
      await client.stream(path, { text, session }, onEvent, { headers, signal });
      // A stream without an end is one of a Troupe that stops; whoever comes next goes on with the turn.
      if (view.end !== undefined) return;
    } catch (error) {
      if (!TroupeError.is(error, "not_ready")) throw error;
      failure = error;
    }
    if (awaySince === undefined) {
      awaySince = clock.monotonicMs();
      onAway?.(true);
    }
    if (clock.monotonicMs() - awaySince > AWAY_FOR_MS) {
      if (failure !== undefined) throw failure;
      return;
    }
    await sleep(clock, AWAY_PAUSE_MS, signal);
  }
}

export async function stopTurn(client: Pick<AdminClient, "call">, turnId: string): Promise<void> {
  await client.call("POST", `/api/turns/${encodeURIComponent(turnId)}/cancel`, {
    reason: "stopped at the terminal",
  });
}
