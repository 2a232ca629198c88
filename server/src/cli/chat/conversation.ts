import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Which conversation the terminal is in, kept in the home, so that the next `troupe chat` goes on with it. */
export interface Conversations {
  /** The agent talked with last. */
  readonly lastAgent: string | undefined;
  /** The conversation with an agent; a new one where there is none. */
  keyFor(agentId: string): string;
  begin(agentId: string, key?: string): string;
}

interface Kept {
  readonly lastAgent?: string;
  readonly sessions?: Readonly<Record<string, string>>;
}

export function openConversations(home: string): Conversations {
  const path = join(home, "data", "terminal.json");
  let kept = read(path);
  const keep = (agentId: string, key: string): string => {
    kept = { lastAgent: agentId, sessions: { ...kept.sessions, [agentId]: key } };
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify(kept), { mode: 0o600 });
    } catch {
      // A full disk must not end a conversation; the next one begins anew.
    }
    return key;
  };
  return {
    get lastAgent() {
      return kept.lastAgent;
    },
    keyFor: (agentId) => keep(agentId, kept.sessions?.[agentId] ?? newKey()),
    begin: (agentId, key = newKey()) => keep(agentId, key),
  };
}

function newKey(): string {
  return `terminal-${randomBytes(5).toString("hex")}`;
}

/** A file that cannot be read means a new conversation, nothing worse. */
function read(path: string): Kept {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
