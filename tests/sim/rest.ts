import type { Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";

const NEVER = { signal: new AbortController().signal };

/** Whether anything in the store is still on its way: a message, a turn, a reply, or work after it. */
export async function hasOpenWork(stores: Stores): Promise<boolean> {
  const spaceId = DEFAULT_SPACE_ID;
  const turns = await stores.turns.list({ spaceId, states: ["queued", "running"], limit: 1 }, NEVER);
  if (turns.items.length > 0) return true;
  const { states } = await stores.inbox.counts(spaceId, NEVER);
  if ((states.accepted ?? 0) > 0) return true;
  const rows = await stores.outbox.list({ spaceId, states: ["pending", "sending"], limit: 1 }, NEVER);
  if (rows.items.length > 0) return true;
  let cursor: string | undefined;
  do {
    const page = await stores.turns.list(
      { spaceId, limit: 200, ...(cursor === undefined ? {} : { cursor }) },
      NEVER,
    );
    for (const { id } of page.items) {
      const effects = await stores.effects.ofTurn(id, NEVER);
      if (effects.some(({ state }) => state === "pending" || state === "running")) return true;
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return false;
}
