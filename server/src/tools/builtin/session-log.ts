import type {
  CallOptions,
  Message,
  SessionStore,
  SessionSummary,
  SourceReference,
  Tool,
  ToolContext,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { isKnownToAll, withAuthor } from "../../kit/index.ts";
import { dayText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { lineOf } from "./lines.ts";
import { ownSessions } from "./list-sessions.ts";

const DEFAULT_LINES = 20;
const MAX_LINES = 50;
/** Of other conversations the latest are read. */
const MAX_SESSIONS = 5;

export interface SessionLogDeps {
  readonly sessions: Pick<SessionStore, "list" | "messages">;
}

/**
 * Tells what was said in a conversation of this peer with the agent, or lately in all others: of the same owner, and each line
 * known to everyone who reads the answer.
 */
export function sessionLogTool({ sessions }: SessionLogDeps): Tool {
  return {
    spec: {
      name: "session_log",
      description:
        "What was said, line by line, in one of the user's conversations with you, or lately in all others.",
      kind: "pure",
      inputSchema: objectOf({
        session: {
          type: "integer",
          minimum: 1,
          description: "Its number as list_sessions gives it. Leave out for the latest of all others.",
        },
        lines: { type: "integer", minimum: 1, maximum: MAX_LINES, description: "Most lines. Default 20." },
      }),
    },
    async run(input, context, options) {
      const { session: number, lines: most = DEFAULT_LINES } = input as {
        readonly session?: number;
        readonly lines?: number;
      };
      const own = await ownSessions(sessions, context, options);
      const { language } = context;
      const chosen =
        number === undefined
          ? own.filter(({ id }) => id !== context.sessionId).slice(0, MAX_SESSIONS)
          : own.slice(number - 1, number);
      if (chosen.length === 0)
        return {
          text: tell(language, number === undefined ? "sessions.none" : "log.unknown"),
          isError: number !== undefined,
        };
      const told = await logOf(sessions, chosen, most, context, options);
      if (told.length === 0) return { text: tell(language, "log.empty") };
      return {
        text: told
          .flatMap(({ session, said }) => [
            headOf(session, language),
            ...said.map((one) => `  ${lineIn(one, context)}`),
          ])
          .join("\n"),
        sources: told.flatMap(({ said }) => said.map(sourceOf)),
      };
    },
  };
}

interface Told {
  readonly session: SessionSummary;
  /** Oldest first. */
  readonly said: readonly Message[];
}

/** Of the latest conversations as much as there is room for. */
async function logOf(
  sessions: Pick<SessionStore, "messages">,
  chosen: readonly SessionSummary[],
  most: number,
  { audience: readers, turnId }: ToolContext,
  options: CallOptions,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  let left = most;
  for (const session of chosen) {
    if (left <= 0) break;
    const { items } = await sessions.messages(
      { sessionId: session.id, newest: true, limit: MAX_LINES },
      options,
    );
    const said = items
      .filter((one) => isSaid(one) && one.turnId !== turnId && isKnownToAll(one.audience, readers))
      .toSorted((a, b) => a.seq - b.seq)
      .slice(-left);
    left -= said.length;
    if (said.length > 0) told.push({ session, said });
  }
  return told;
}

function isSaid({ role, outcome, parts }: Message): boolean {
  return role !== "notice" && outcome === "ok" && textOf(parts).trim() !== "";
}

function headOf({ title, updatedAt }: SessionSummary, language: string): string {
  const known = title === "" ? tell(language, "sessions.untitled") : title;
  return tell(language, "log.head", { title: known, date: dayText(updatedAt) });
}

function lineIn({ role, createdAt, parts, author }: Message, { language }: ToolContext): string {
  return lineOf({ role, createdAt, text: withAuthor(textOf(parts), author) }, language);
}

function sourceOf({ id, sessionId, turnSeq }: Message): SourceReference {
  return { kind: "message", id, sessionId, turnSeq };
}
