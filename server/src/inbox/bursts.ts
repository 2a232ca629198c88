import type { Clock } from "@troupe/contracts";
import type { Draft } from "./draft.ts";

interface Burst {
  readonly turnId: string;
  readonly turnSeq: number;
  readonly openedAt: number;
  readonly peerId: string;
  dueAt: number;
}

/** A burst waits so many debounce times at most, however long somebody types. */
const LONGEST_WAIT = 5;

/**
 * The turns that still collect messages, per session. A hint, not the truth: the store's guard on a queued turn decides,
 * and a restart merely ends a burst early.
 */
export interface Bursts {
  /** The turn that this message may join; undefined when none collects. */
  of(draft: Draft): { readonly turnId: string; readonly turnSeq: number; readonly dueAt: number } | undefined;
  opened(draft: Draft, turnSeq: number): void;
  extended(draft: Draft): void;
  forget(sessionId: string): void;
}

export function createBursts(clock: Clock): Bursts {
  const open = new Map<string, Burst>();

  const dueAt = (burst: Burst, debounceMs: number): number =>
    Math.min(clock.now() + debounceMs, burst.openedAt + LONGEST_WAIT * debounceMs);

  return {
    of(draft) {
      const { debounceMs } = draft.message;
      const burst = open.get(draft.sessionId);
      if (burst === undefined || debounceMs === 0) return undefined;
      if (burst.dueAt <= clock.now() || burst.peerId !== draft.message.peerId) return undefined;
      return { turnId: burst.turnId, turnSeq: burst.turnSeq, dueAt: dueAt(burst, debounceMs) };
    },
    opened(draft, turnSeq) {
      const { peerId } = draft.message;
      const now = clock.now();
      for (const [sessionId, burst] of open) {
        if (burst.dueAt > now) break;
        open.delete(sessionId);
      }
      open.delete(draft.sessionId);
      open.set(draft.sessionId, { turnId: draft.turnId, turnSeq, openedAt: now, peerId, dueAt: draft.dueAt });
    },
    extended(draft) {
      const burst = open.get(draft.sessionId);
      if (burst !== undefined) burst.dueAt = dueAt(burst, draft.message.debounceMs);
    },
    forget(sessionId) {
      open.delete(sessionId);
    },
  };
}
