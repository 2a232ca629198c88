import type { Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";

const NEVER = { signal: new AbortController().signal };

/** Whether anything in the store is still on its way: a message, a turn, a reply, or work after it. */
export async function hasOpenWork(stores: Stores): Promise<boolean> {
  const one = { spaceId: DEFAULT_SPACE_ID, limit: 1 };
  const turns = await stores.turns.list({ ...one, states: ["queued", "running"] }, NEVER);
  if (turns.items.length > 0) return true;
  const { states } = await stores.inbox.counts(DEFAULT_SPACE_ID, NEVER);
  if ((states.accepted ?? 0) > 0) return true;
  const rows = await stores.outbox.list({ ...one, states: ["pending", "sending"] }, NEVER);
  if (rows.items.length > 0) return true;
  const effects = await stores.effects.list({ ...one, states: ["pending", "running"] }, NEVER);
  return effects.items.length > 0;
}
