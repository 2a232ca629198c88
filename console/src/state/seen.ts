/** How far a person has read, by session. */
export interface Seen {
  /** Conversations that rest since then are no news: they were there before this browser came. Undefined: it came just now. */
  readonly since: number | undefined;
  /** Last `seq` that was shown; the last shown one stands last. */
  readonly sessions: Readonly<Record<string, number>>;
}

export const NOTHING_SEEN: Seen = { since: undefined, sessions: {} };

export const SEEN_KEY = "troupe.seen";
const MOST = 2_000;

/** What this browser has shown to somebody; other browsers keep their own. */
export function readSeen(storage: Pick<Storage, "getItem"> | undefined): Seen {
  try {
    const { since, sessions } = JSON.parse(storage?.getItem(SEEN_KEY) ?? "{}") as Partial<Seen>;
    return { since: typeof since === "number" ? since : undefined, sessions: { ...sessions } };
  } catch {
    return NOTHING_SEEN;
  }
}

/** Keeps what was seen beside what other pages of the browser keep meanwhile. */
export function writeSeen(storage: Pick<Storage, "getItem" | "setItem"> | undefined, seen: Seen): void {
  const all = mergeSeen(readSeen(storage), seen);
  const sessions = Object.fromEntries(Object.entries(all.sessions).slice(-MOST));
  try {
    storage?.setItem(SEEN_KEY, JSON.stringify({ since: all.since, sessions }));
  } catch {
    // Known until the page closes.
  }
}

/** What either of them saw. */
export function mergeSeen(one: Seen, other: Seen): Seen {
  let { sessions } = one;
  for (const [id, seq] of Object.entries(other.sessions)) sessions = withSeen(sessions, id, seq);
  return { since: one.since ?? other.since, sessions };
}

/** The same object where nothing is new. */
export function withSeen(sessions: Seen["sessions"], id: string, seq: number): Seen["sessions"] {
  if ((sessions[id] ?? 0) >= seq) return sessions;
  const { [id]: _, ...others } = sessions;
  return { ...others, [id]: seq };
}
