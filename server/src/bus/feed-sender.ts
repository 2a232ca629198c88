import type { MessageBus, TurnEvent } from "@troupe/contracts";

/** Events of one turn that wait for room on the bus; text is never left out. */
const MOST_WAITING = 256;

/** Live events of one turn that are said at once. */
export interface LiveBatch {
  readonly events: readonly TurnEvent[];
  /** Number of the event of the same attempt before them, or -1, so that a listener sees that it missed some. */
  readonly after: number;
}

/** Sends the live events of this process's turns to the others: those of one tick, and of one wait for room, together. */
export interface FeedSender {
  send(event: TurnEvent): void;
  /** What waits of one turn is said now, room or not. */
  flush(turnId: string): void;
  close(): void;
}

export function createFeedSender(deps: {
  readonly bus: Pick<MessageBus, "room">;
  readonly publish: (turnId: string, batch: LiveBatch) => void;
}): FeedSender {
  const waiting = new Map<string, { readonly after: number; readonly events: TurnEvent[] }>();
  const life = new AbortController();
  let isSending = false;

  const sendAll = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        await deps.bus.room({ signal: life.signal });
        const batches = [...waiting];
        waiting.clear();
        for (const [turnId, batch] of batches) deps.publish(turnId, batch);
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
      const batch = waiting.get(event.turnId) ?? { after: event.n - 1, events: [] };
      waiting.set(event.turnId, batch);
      join(batch.events, event);
      if (isSending) return;
      isSending = true;
      setImmediate(() => void sendAll());
    },
    flush(turnId) {
      const batch = waiting.get(turnId);
      if (batch === undefined || life.signal.aborted) return;
      waiting.delete(turnId);
      deps.publish(turnId, batch);
    },
    close: () => life.abort(),
  };
}

/** The producer is slowed by saying more at once, so what waits stays short. */
function join(events: TurnEvent[], event: TurnEvent): void {
  const last = events.at(-1);
  const isMore =
    last !== undefined &&
    (event.type === "text-delta" || event.type === "reasoning-delta") &&
    last.type === event.type &&
    last.attempt === event.attempt;
  if (isMore) events[events.length - 1] = { ...event, text: last.text + event.text };
  else events.push(event);
  if (events.length <= MOST_WAITING) return;
  const needless = events.findIndex(
    ({ type }) => type === "step" || type === "tool" || type === "reasoning-delta",
  );
  if (needless >= 0) events.splice(needless, 1);
}
