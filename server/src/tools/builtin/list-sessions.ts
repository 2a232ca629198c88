import type { CallOptions, SessionStore, SessionSummary, Tool, ToolContext } from "@troupe/contracts";
import { dayText, languageOf, type ToolText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";

const SHOWN = 10;
const PAGE = 100;
/** A person has few conversations; an owner that speaks for a whole platform has many, and reading stops somewhere. */
const MAX_PAGES = 5;

/**
 * Lists the conversations that this peer has with the agent: of the same owner, and known to everyone who reads the
 * answer, so that asking in a group does not show the titles of a private chat.
 */
export function listSessionsTool({ sessions }: { readonly sessions: Pick<SessionStore, "list"> }): Tool {
  return {
    spec: {
      name: "list_sessions",
      description: "Lists the user's conversations with you, newest first, with title, date and length.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, context, options) {
      const found = await ownSessions(sessions, context, options);
      if (found.length === 0) return { text: tell(context.language, "sessions.none") };
      return { text: found.map((session, i) => lineOf(session, i + 1, context)).join("\n") };
    },
  };
}

/** Conversations of this peer that everyone who reads the answer knows of, newest first. */
export async function ownSessions(
  sessions: Pick<SessionStore, "list">,
  { spaceId, ownerId, agentId, peerId, audience }: ToolContext,
  options: CallOptions,
): Promise<readonly SessionSummary[]> {
  const found: SessionSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && found.length < SHOWN; page++) {
    const query = { spaceId, ownerId, agentId, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await sessions.list(query, options);
    found.push(
      ...items.filter(
        (one) => one.peerId === peerId && audience.every((reader) => one.audience.includes(reader)),
      ),
    );
    if (next === undefined) break;
    cursor = next;
  }
  return found.slice(0, SHOWN);
}

function lineOf(session: SessionSummary, number: number, { language, sessionId }: ToolContext): string {
  const title = session.title === "" ? tell(language, "sessions.untitled") : session.title;
  const turns = tell(language, turnsKey(session.turns, language), { count: session.turns });
  const line = tell(language, "sessions.line", { number, title, date: dayText(session.updatedAt), turns });
  return session.id === sessionId ? tell(language, "sessions.current", { line }) : line;
}

function turnsKey(count: number, language: string): ToolText {
  const rule = new Intl.PluralRules(languageOf(language)).select(count);
  if (rule === "one" || rule === "few") return `sessions.turns.${rule}`;
  return "sessions.turns.many";
}
