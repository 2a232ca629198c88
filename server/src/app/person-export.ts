import type { CallOptions, MemoryRecord, Message, SessionSummary, Stores } from "@troupe/contracts";
import { isKnownToAny } from "../kit/index.ts";
import type { ShownPerson } from "./people-view.ts";

const PAGE = 200;

/** What a line of an export holds, each under its own word; the last one is `end`, with how many there were. */
export type ExportedLine =
  | { readonly person: ShownPerson }
  | { readonly memory: MemoryRecord }
  | { readonly session: SessionSummary }
  | { readonly message: Message }
  | { readonly end: { readonly memories: number; readonly sessions: number; readonly messages: number } };

/**
 * Everything that somebody told and may be told, as JSON lines: what is known of them, memories, open and closed, and their
 * conversations; of groups what they wrote themselves. Read page by page, so that it may be as long as it is.
 */
export async function* exportLines(
  stores: Pick<Stores, "memories" | "persons" | "sessions">,
  person: ShownPerson,
  spaceId: string,
  options: CallOptions,
): AsyncGenerator<string> {
  const counts = { memories: 0, sessions: 0, messages: 0 };
  const { names } = person;
  yield lineOf({ person });
  const told = new Set<string>();
  for (const name of names)
    for await (const memory of memoriesOf(stores, spaceId, name, options)) {
      if (told.has(memory.id)) continue;
      told.add(memory.id);
      counts.memories += 1;
      yield lineOf({ memory });
    }
  for await (const session of sessionsOf(stores, spaceId, names, options)) {
    counts.sessions += 1;
    yield lineOf({ session });
    for await (const message of messagesOf(stores, session.id, options)) {
      if (!isKnownToAny(message.audience, names)) continue;
      counts.messages += 1;
      yield lineOf({ message });
    }
  }
  for (const name of names)
    for await (const message of writtenBy(stores, spaceId, name, options)) {
      counts.messages += 1;
      yield lineOf({ message });
    }
  yield lineOf({ end: counts });
}

function lineOf(line: ExportedLine): string {
  return `${JSON.stringify(line)}\n`;
}

async function* memoriesOf(
  { memories }: Pick<Stores, "memories">,
  spaceId: string,
  name: string,
  options: CallOptions,
): AsyncGenerator<MemoryRecord> {
  let cursor: string | undefined;
  do {
    const query = { spaceId, readers: [name], state: "all", limit: PAGE } as const;
    const page = await memories.list(cursor === undefined ? query : { ...query, cursor }, options);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** Conversations that nobody else reads, those of one call included. */
async function* sessionsOf(
  { sessions }: Pick<Stores, "sessions">,
  spaceId: string,
  names: readonly string[],
  options: CallOptions,
): AsyncGenerator<SessionSummary> {
  const owners = new Set(names.map((name) => name.split("/", 1)[0] ?? name));
  for (const ownerId of owners) {
    let cursor: string | undefined;
    do {
      const query = { spaceId, ownerId, includeStateless: true, limit: PAGE };
      const page = await sessions.list(cursor === undefined ? query : { ...query, cursor }, options);
      yield* page.items.filter(({ audience }) => audience.length === 1 && names.includes(audience[0] ?? ""));
      cursor = page.next;
    } while (cursor !== undefined);
  }
}

async function* messagesOf(
  { sessions }: Pick<Stores, "sessions">,
  sessionId: string,
  options: CallOptions,
): AsyncGenerator<Message> {
  let cursor: string | undefined;
  do {
    const query = { sessionId, limit: PAGE };
    const page = await sessions.messages(cursor === undefined ? query : { ...query, cursor }, options);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** Where several people read. */
async function* writtenBy(
  { persons }: Pick<Stores, "persons">,
  spaceId: string,
  name: string,
  options: CallOptions,
): AsyncGenerator<Message> {
  let cursor: string | undefined;
  do {
    const query = { spaceId, name, limit: PAGE };
    const page = await persons.written(cursor === undefined ? query : { ...query, cursor }, options);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}
