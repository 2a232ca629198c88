import type { TurnEvent } from "../api/types.ts";

export interface TakenEvent {
  readonly threadId: string;
  readonly event: TurnEvent;
  readonly isFirst: boolean;
}

/** Long enough to gather the words of a quick model, short enough to look like writing. */
const GATHER_MS = 40;

/** Gathers events for a moment, so that the page is not drawn anew for each word. The end of a turn does not wait. */
export function createEventBatch(
  apply: (events: readonly TakenEvent[]) => void,
  after: (ms: number, run: () => void) => void = (ms, run) => void setTimeout(run, ms),
): (taken: TakenEvent) => void {
  let waiting: TakenEvent[] = [];
  const flush = (): void => {
    const events = waiting;
    waiting = [];
    if (events.length > 0) apply(events);
  };
  return (taken) => {
    waiting.push(taken);
    if (taken.event.type === "end") flush();
    else if (waiting.length === 1) after(GATHER_MS, flush);
  };
}
