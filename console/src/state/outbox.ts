import type { FilePart } from "../api/types.ts";

/** A message that was sent and not accepted yet, as a page that is loaded again finds it. */
export interface Unsent {
  /** Makes the message one, however often it is sent. */
  readonly key: string;
  /** Session, or `new:` and the name that a new conversation is begun under. */
  readonly threadId: string;
  readonly agentId: string;
  readonly text: string;
  readonly files: readonly FilePart[];
  readonly at: number;
}

/** Messages on their way outlive the page: Troupe may be away when it is closed. */
export interface Outbox {
  all(): readonly Unsent[];
  put(unsent: Unsent): void;
  remove(key: string): void;
}

const SEND_AGAIN_WITHIN_MS = 10 * 60_000;

/** An older one is shown and not sent when the page comes back: what it said may be no longer so. */
export function isStillMeant({ at }: Pick<Unsent, "at">, now: number): boolean {
  return now - at < SEND_AGAIN_WITHIN_MS;
}

const KEY = "troupe.outbox";
const MOST = 50;

export function createOutbox(storage: Pick<Storage, "getItem" | "setItem"> | undefined): Outbox {
  // Read anew each time: other pages of the browser write it, too.
  const all = (): readonly Unsent[] => {
    try {
      const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? "[]");
      return Array.isArray(kept) ? (kept as readonly Unsent[]) : [];
    } catch {
      return [];
    }
  };
  const keep = (unsent: readonly Unsent[]): void => {
    try {
      storage?.setItem(KEY, JSON.stringify(unsent.slice(-MOST)));
    } catch {
      // On its way until the page closes.
    }
  };
  return {
    all,
    put: (unsent) => keep([...all().filter(({ key }) => key !== unsent.key), unsent]),
    remove(key) {
      const unsent = all();
      const left = unsent.filter((one) => one.key !== key);
      if (left.length < unsent.length) keep(left);
    },
  };
}
