import { type Clock, type Message, type Page, textOf } from "@troupe/contracts";
import { sleep } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import { queryOf } from "../commands/query.ts";
import { ownSession } from "./own-session.ts";

/** A glance at the newest messages over the home's own socket. */
const LOOK_EVERY_MS = 1_500;
const READ_MESSAGES = 20;

interface Where {
  readonly agentId: string;
  readonly session: string;
}

/** What comes into the conversation on the screen without being asked for there. */
export interface News {
  /** This turn was shown already. */
  own(turnId: string): void;
  /** Calls `tell` with new texts until disposed; those that it does not take (false) are told again. */
  watch(where: () => Where, tell: (texts: readonly string[]) => boolean): Disposable;
}

interface Seen {
  readonly sessionId: string | undefined;
  /** Newest message that was there before, or was told of. */
  seq: number;
}

export function createNews(deps: {
  readonly client: Pick<AdminClient, "call">;
  readonly clock: Clock;
}): News {
  const own = new Set<string>();
  const seen = new Map<string, Seen>();
  return {
    own: (turnId) => void own.add(turnId),
    watch(where, tell) {
      const life = new AbortController();
      void (async () => {
        while (!life.signal.aborted) {
          try {
            await look(deps.client, { own, seen, tell }, where());
          } catch {
            // Troupe is away; whoever talks is told of that, and the next look may find it again.
          }
          await sleep(deps.clock, LOOK_EVERY_MS, life.signal).catch(() => {});
        }
      })();
      return { [Symbol.dispose]: () => life.abort() };
    },
  };
}

async function look(
  client: Pick<AdminClient, "call">,
  {
    own,
    seen,
    tell,
  }: {
    readonly own: ReadonlySet<string>;
    readonly seen: Map<string, Seen>;
    readonly tell: (texts: readonly string[]) => boolean;
  },
  where: Where,
): Promise<void> {
  const key = `${where.agentId} ${where.session}`;
  const before = seen.get(key);
  const sessionId = before?.sessionId ?? (await ownSession(client, where))?.id;
  if (sessionId === undefined) {
    // Not begun yet: all that comes into it later is new.
    seen.set(key, { sessionId: undefined, seq: 0 });
    return;
  }
  const query = queryOf({ limit: READ_MESSAGES, newest: "true" });
  const path = `/api/sessions/${encodeURIComponent(sessionId)}/messages${query}`;
  const { items } = await client.call<Page<Message>>("GET", path);
  const newest = Math.max(0, ...items.map(({ seq }) => seq));
  const known: Seen = { sessionId, seq: before?.seq ?? newest };
  seen.set(key, known);
  const texts = items
    .filter(({ seq, turnId, role }) => seq > known.seq && role !== "user" && !own.has(turnId))
    .toSorted((a, b) => a.seq - b.seq)
    .map(({ parts }) => textOf(parts))
    .filter((text) => text.trim() !== "");
  if (texts.length === 0 || tell(texts)) known.seq = newest;
}
