const KEY = "troupe.seen";
const MOST = 500;

type Seen = Readonly<Record<string, number>>;

/** What this browser has shown to somebody; other browsers keep their own. */
export function readSeen(storage: Pick<Storage, "getItem"> | undefined): Seen {
  try {
    return JSON.parse(storage?.getItem(KEY) ?? "{}") as Seen;
  } catch {
    return {};
  }
}

let last: Seen | undefined;

export function writeSeen(storage: Pick<Storage, "setItem"> | undefined, seen: Seen): void {
  if (seen === last) return;
  last = seen;
  try {
    storage?.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(seen).slice(-MOST))));
  } catch {
    // Known until the page closes.
  }
}
