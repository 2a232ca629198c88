import type { CallOptions, Hold, Stores } from "@troupe/contracts";

/** Whether the outbox is held, as this process last read it: told on every look at `/ready`, so it is not read each time. */
export interface HoldState {
  readonly current: Hold | undefined;
  refresh(options: CallOptions): Promise<Hold | undefined>;
}

export function createHoldState(stores: Pick<Stores, "holds">, spaceId: string): HoldState {
  let current: Hold | undefined;
  return {
    get current() {
      return current;
    },
    async refresh(options) {
      current = await stores.holds.get(spaceId, options);
      return current;
    },
  };
}

/** One sentence for whoever asks how Troupe is. */
export function heldNote({ current }: HoldState): string | undefined {
  if (current === undefined) return undefined;
  return `The outbox is held since ${new Date(current.since).toISOString()}: ${current.reason} Replies to channels, jobs and flows wait for ./troupe outbox release.`;
}
