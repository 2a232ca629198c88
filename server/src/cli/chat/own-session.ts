import type { Page, SessionSummary } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import { queryOf } from "../commands/query.ts";

/** The terminal's conversation with an agent under a key, as it is kept; undefined for one without a message. */
export async function ownSession(
  client: Pick<AdminClient, "call">,
  talk: { readonly agentId: string; readonly session: string },
): Promise<SessionSummary | undefined> {
  let cursor: string | undefined;
  do {
    const query = queryOf({ agent: talk.agentId, limit: 200, cursor });
    const page = await client.call<Page<SessionSummary>>("GET", `/api/sessions${query}`);
    const own = page.items.find((one) => one.key === talk.session && one.channel === "terminal");
    if (own !== undefined) return own;
    cursor = page.next;
  } while (cursor !== undefined);
  return undefined;
}
