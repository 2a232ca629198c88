import type {
  CallOptions,
  InboxEntry,
  InboxItemStore,
  SessionStore,
  Tool,
  ToolContext,
} from "@troupe/contracts";
import { dayText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const LOOKED_AT = 50;
const SHOWN = 10;

export interface InboxToolDeps {
  readonly inboxItems: Pick<InboxItemStore, "list">;
  readonly sessions: Pick<SessionStore, "get">;
}

/**
 * Tells people what is unread in their inbox: of this agent and this peer alone, and known to everyone who reads the answer,
 * because what is said here stays in the conversation. Notices about Troupe itself are for the page and the terminal.
 */
export function inboxTool(deps: InboxToolDeps): Tool {
  return {
    spec: {
      name: "inbox",
      description: "Tells people what waits unread in their inbox.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, context, options) {
      const { language } = context;
      const found = await unreadHere(deps, context, options);
      const lines = found.map(({ title, createdAt }, at) =>
        tell(language, "inbox.line", { number: at + 1, title, date: dayText(createdAt) }),
      );
      const first = found.length === 0 ? "inbox.none" : "inbox.head";
      return { text: [tell(language, first), ...lines, tell(language, "inbox.rest")].join("\n") };
    },
  };
}

async function unreadHere(
  { inboxItems, sessions }: InboxToolDeps,
  { spaceId, ownerId, agentId, peerId, audience }: ToolContext,
  options: CallOptions,
): Promise<readonly InboxEntry[]> {
  const query = { spaceId, ownerIds: [ownerId], unreadOnly: true, limit: LOOKED_AT };
  const { items } = await inboxItems.list(query, options);
  const found: InboxEntry[] = [];
  for (const item of items) {
    if (found.length === SHOWN) break;
    if (item.agentId !== agentId || item.sessionId === undefined) continue;
    const session = await sessions.get(item.sessionId, options);
    const isOurs =
      session?.peerId === peerId && audience.every((reader) => session.audience.includes(reader));
    if (isOurs) found.push(item);
  }
  return found;
}
