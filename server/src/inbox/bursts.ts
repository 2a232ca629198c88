import type { Clock } from "@troupe/contracts";
import type { Draft } from "./draft.ts";

interface Burst {
  readonly turnId: string;
  readonly turnSeq: number;
  readonly openedAt: number;
  readonly peerId: string;
  /** UTC milliseconds before which no gate lets it start; 0 where none has put it off. */
  untilMs: number;
  dueAt: number;
}

/** A burst waits so many debounce times at most, however long somebody types. */
const LONGEST_WAIT = 5;

/**
 * The turns that still collect messages, per session. A hint, not the truth: the store's guard on a queued turn decides,
 * and a restart merely ends a burst early.
 */
export interface Bursts {
  /**
   * Settles when the first message of a burst that this one may join is kept, or is not; undefined when none is on its way.
   * Asked and acted on in one go, so that of several that waited one opens and the others wait for that.
   */
  underWay(draft: Draft): Promise<unknown> | undefined;
  /** Keeps the first message of a burst; those that come meanwhile wait for it instead of opening turns of their own. */
  opening<Result>(draft: Draft, open: () => Promise<Result>): Promise<Result>;
  /** The turn that this message may join; undefined when none collects. */
  of(draft: Draft): { readonly turnId: string; readonly turnSeq: number; readonly dueAt: number } | undefined;
  opened(draft: Draft, turnSeq: number): void;
  extended(draft: Draft): void;
  forget(sessionId: string): void;
}

export function createBursts(clock: Clock): Bursts {
  const open = new Map<string, Burst>();
  const underWay = new Map<string, Promise<unknown>>();

  const dueAt = (burst: Burst, { message: { debounceMs }, untilMs }: Draft): number => {
    const quietAt = Math.min(clock.now() + debounceMs, burst.openedAt + LONGEST_WAIT * debounceMs);
    return Math.max(quietAt, burst.untilMs, untilMs);
  };

  return {
    underWay: (draft) => (draft.message.debounceMs === 0 ? undefined : underWay.get(keyOf(draft))),
    opening(draft, open) {
      const kept = open();
      if (draft.message.debounceMs === 0) return kept;
      const key = keyOf(draft);
      const settled = Promise.allSettled([kept]).then(() => {
        if (underWay.get(key) === settled) underWay.delete(key);
      });
      underWay.set(key, settled);
      return kept;
    },
    of(draft) {
      const { debounceMs } = draft.message;
      const burst = open.get(draft.sessionId);
      if (burst === undefined || debounceMs === 0) return undefined;
      if (burst.dueAt <= clock.now() || burst.peerId !== draft.message.peerId) return undefined;
      return { turnId: burst.turnId, turnSeq: burst.turnSeq, dueAt: dueAt(burst, draft) };
    },
    opened(draft, turnSeq) {
      const { turnId, untilMs, dueAt } = draft;
      const { peerId } = draft.message;
      const now = clock.now();
      for (const [sessionId, burst] of open) {
        if (burst.dueAt > now) break;
        open.delete(sessionId);
      }
      open.delete(draft.sessionId);
      open.set(draft.sessionId, { turnId, turnSeq, openedAt: now, peerId, untilMs, dueAt });
    },
    extended(draft) {
      const burst = open.get(draft.sessionId);
      if (burst === undefined) return;
      burst.untilMs = Math.max(burst.untilMs, draft.untilMs);
      burst.dueAt = dueAt(burst, draft);
    },
    forget(sessionId) {
      open.delete(sessionId);
    },
  };
}

/** Only messages of one peer are a burst. */
function keyOf({ sessionId, message }: Draft): string {
  return `${sessionId} ${message.peerId}`;
}
