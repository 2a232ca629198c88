/** Something that happens at a time. Of two at the same time the one that was added first goes first. */
export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
}

/** A binary heap by time and order. */
export interface EventQueue<Event extends QueuedEvent> {
  push(event: Event): void;
  /** Takes the earliest. */
  pop(): Event | undefined;
  readonly size: number;
}

export function createEventQueue<Event extends QueuedEvent>(): EventQueue<Event> {
  const heap: Event[] = [];
  const isBefore = (one: Event, other: Event): boolean =>
    one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

  const sink = (moved: Event): void => {
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        child += 1;
      }
      if (!isBefore(least, moved)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = moved;
  };

  return {
    push(event) {
      let at = heap.length;
      heap.push(event);
      while (at > 0) {
        const parentAt = (at - 1) >> 1;
        const parent = heap[parentAt] as Event;
        if (!isBefore(event, parent)) break;
        heap[at] = parent;
        at = parentAt;
      }
      heap[at] = event;
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (first !== undefined && last !== undefined && heap.length > 0) sink(last);
      return first;
    },
    get size() {
      return heap.length;
    },
  };
}
