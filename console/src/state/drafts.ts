/** Texts that were begun and not sent. They outlive the page; one of a conversation that is never sent goes with the oldest. */
export interface Drafts {
  get(place: string): string;
  set(place: string, text: string): void;
}

const KEY = "troupe.drafts";
const MOST = 50;

export function createDrafts(storage: Pick<Storage, "getItem" | "setItem"> | undefined): Drafts {
  let drafts = new Map<string, string>();
  try {
    drafts = new Map(Object.entries(JSON.parse(storage?.getItem(KEY) ?? "{}") as Record<string, string>));
  } catch {
    // Unreadable: none.
  }
  return {
    get: (place) => drafts.get(place) ?? "",
    set(place, text) {
      drafts.delete(place);
      if (text !== "") drafts.set(place, text);
      while (drafts.size > MOST) drafts.delete(drafts.keys().next().value ?? "");
      try {
        storage?.setItem(KEY, JSON.stringify(Object.fromEntries(drafts)));
      } catch {
        // Kept until the page closes.
      }
    },
  };
}
