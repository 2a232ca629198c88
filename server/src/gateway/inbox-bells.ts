import { type MessageBus, SUBJECTS } from "@troupe/contracts";

/** Calls back when something changed in somebody's inbox, here or in another process. May miss one. */
export interface InboxBells {
  onInbox(ownerIds: readonly string[], ring: () => void): Disposable;
}

/** One subscription of the bus for all listeners of a face, from the first of them to the last. */
export function createInboxBells(bus: Pick<MessageBus, "subscribe">): InboxBells {
  const listeners = new Set<{ readonly ownerIds: readonly string[]; readonly ring: () => void }>();
  let subscription: Disposable | undefined;
  return {
    onInbox(ownerIds, ring) {
      const own = { ownerIds, ring };
      listeners.add(own);
      subscription ??= bus.subscribe(SUBJECTS.inboxChanged, ({ payload }) => {
        const ownerId = String(payload.ownerId);
        for (const one of listeners) if (one.ownerIds.includes(ownerId)) one.ring();
      });
      return {
        [Symbol.dispose]() {
          listeners.delete(own);
          if (listeners.size > 0) return;
          subscription?.[Symbol.dispose]();
          subscription = undefined;
        },
      };
    },
  };
}
