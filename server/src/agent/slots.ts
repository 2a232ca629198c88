import type { Lane } from "@troupe/contracts";
import { LANES } from "../kit/index.ts";

/**
 * Who may run now: one turn a session, so many a lane. Pure bookkeeping without I/O; the store's guards are the truth,
 * this spares asking it.
 */
export interface Slots {
  /** Takes a place; undefined when the session or the lane is busy. Exactly one `free` follows. */
  take(sessionId: string, lane: Lane): Place | undefined;
  /** Takes a place for a turn that the store says is ours, whatever the bounds are. */
  force(sessionId: string, lane: Lane): Place;
  isBusy(sessionId: string): boolean;
  isWaiting(sessionId: string): boolean;
  /** A queued turn of the session waits; `dueAt` in UTC milliseconds. */
  wait(sessionId: string, lane: Lane, dueAt: number): void;
  /** One of the session's waiting turns was claimed, or there was none: `all` forgets the rest too. */
  unwait(sessionId: string, all: boolean): void;
  /** Sessions that wait, are due and idle, as far as their lanes have room; oldest first. */
  ready(now: number): readonly { readonly sessionId: string; readonly lane: Lane }[];
  /** Earliest time at which a waiting session that is idle becomes due. */
  nextDueAt(): number | undefined;
  readonly waiting: number;
  running(lane: Lane): number;
}

export interface Place {
  free(): void;
}

interface Waiting {
  readonly lane: Lane;
  dueAt: number;
  count: number;
}

export function createSlots(bounds: Readonly<Record<Lane, number>>): Slots {
  const busy = new Map<string, number>();
  const waiting = new Map<string, Waiting>();
  const running: Record<Lane, number> = { realtime: 0, background: 0, heavy: 0 };
  let waitingCount = 0;

  const force = (sessionId: string, lane: Lane): Place => {
    busy.set(sessionId, (busy.get(sessionId) ?? 0) + 1);
    running[lane] += 1;
    let isFree = false;
    return {
      free() {
        if (isFree) return;
        isFree = true;
        running[lane] -= 1;
        const left = (busy.get(sessionId) ?? 1) - 1;
        if (left === 0) busy.delete(sessionId);
        else busy.set(sessionId, left);
      },
    };
  };

  return {
    take: (sessionId, lane) =>
      busy.has(sessionId) || waiting.has(sessionId) || running[lane] >= bounds[lane]
        ? undefined
        : force(sessionId, lane),
    force,
    isBusy: (sessionId) => busy.has(sessionId),
    isWaiting: (sessionId) => waiting.has(sessionId),
    wait(sessionId, lane, dueAt) {
      const known = waiting.get(sessionId);
      waitingCount += 1;
      if (known === undefined) waiting.set(sessionId, { lane, dueAt, count: 1 });
      else {
        known.count += 1;
        known.dueAt = Math.min(known.dueAt, dueAt);
      }
    },
    unwait(sessionId, all) {
      const known = waiting.get(sessionId);
      if (known === undefined) return;
      const gone = all ? known.count : 1;
      known.count -= gone;
      waitingCount -= gone;
      if (known.count <= 0) waiting.delete(sessionId);
    },
    ready(now) {
      const room = { ...running };
      const found: { sessionId: string; lane: Lane }[] = [];
      for (const [sessionId, { lane, dueAt }] of waiting) {
        if (dueAt > now || busy.has(sessionId) || room[lane] >= bounds[lane]) continue;
        room[lane] += 1;
        found.push({ sessionId, lane });
        if (LANES.every((one) => room[one] >= bounds[one])) break;
      }
      return found;
    },
    nextDueAt() {
      let earliest: number | undefined;
      for (const [sessionId, { dueAt }] of waiting) {
        if (!busy.has(sessionId) && (earliest === undefined || dueAt < earliest)) earliest = dueAt;
      }
      return earliest;
    },
    get waiting() {
      return waitingCount;
    },
    running: (lane) => running[lane],
  };
}
