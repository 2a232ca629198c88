import type { MessageBus, TurnEvent } from "@troupe/contracts";

/** Events of one turn that wait for room on the bus; text is never left out. */
const MOST_WAITING = 256;

/** Sends the live events of this process's turns to the others: those of one tick, and of one wait for room, together. */
export interface FeedSender {
  send(event: TurnEvent): void;
  close(): void;
}

export function createFeedSender(deps: {
  readonly bus: Pick<MessageBus, "room">;
  readonly publish: (turnId: string, events: readonly TurnEvent[]) => void;
}): FeedSender {
  const waiting = new Map<string, TurnEvent[]>();
  const life = new AbortController();
  let isSending = false;

  const flush = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        await deps.bus.room({ signal: life.signal });
        const batch = [...waiting];
        waiting.clear();
        for (const [turnId, events] of batch) deps.publish(turnId, events);
      }
    } catch {
      // Closed: whoever watches finds the end in the record.
      waiting.clear();
    } finally {
      isSending = false;
    }
  };
  return {
    send(event) {
      if (life.signal.aborted) return;
      const events = waiting.get(event.turnId) ?? [];
      waiting.set(event.turnId, joined(events, event));
      if (isSending) return;
      isSending = true;
      setImmediate(() => void flush());
    },
    close: () => life.abort(),
  };
}

/** The producer is slowed by saying more at once, so what waits stays short. */
function joined(events: TurnEvent[], event: TurnEvent): TurnEvent[] {
  const last = events.at(-1);
  const isMore =
    last !== undefined &&
    (event.type === "text-delta" || event.type === "reasoning-delta") &&
    last.type === event.type &&
    last.attempt === event.attempt;
  if (isMore) events[events.length - 1] = { ...event, text: last.text + event.text };
  else events.push(event);
  if (events.length <= MOST_WAITING) return events;
  const needless = events.findIndex(
    ({ type }) => type === "step" || type === "tool" || type === "reasoning-delta",
  );
  if (needless >= 0) events.splice(needless, 1);
  return events;
}
