// Reads back everything that a schedule left in the store, in one go.
import type {
  EffectRecord,
  InboundRecord,
  MemoryRecord,
  Message,
  ModelCallRecord,
  OutboxRecord,
  Page,
  Stores,
  Turn,
  TurnStep,
} from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";

export interface KeptTurn {
  readonly turn: Turn;
  readonly inbound: readonly InboundRecord[];
  readonly outbox: readonly OutboxRecord[];
  readonly effects: readonly EffectRecord[];
  readonly calls: readonly ModelCallRecord[];
  readonly steps: readonly TurnStep[];
  /** Its messages, in order of `seq`. */
  readonly messages: readonly Message[];
}

export interface Kept {
  /** By session, then in order of `turnSeq`. */
  readonly turns: readonly KeptTurn[];
  readonly messages: readonly Message[];
  readonly memories: readonly MemoryRecord[];
}

const OPTIONS = { signal: new AbortController().signal };
const PAGE = 200;

export async function readKept(
  stores: Stores,
  about: { readonly agentId: string; readonly readers: readonly (readonly string[])[] },
): Promise<Kept> {
  const spaceId = DEFAULT_SPACE_ID;
  const turns = await pages((page) => stores.turns.list({ spaceId, ...page }, OPTIONS));
  const sessionIds = new Set(turns.map((turn) => turn.sessionId));
  const messages: Message[] = [];
  for (const sessionId of sessionIds)
    messages.push(...(await pages((page) => stores.sessions.messages({ sessionId, ...page }, OPTIONS))));
  const memories = new Map<string, MemoryRecord>();
  for (const readers of about.readers) {
    const found = await pages((page) =>
      stores.memories.list({ spaceId, agentId: about.agentId, readers, ...page }, OPTIONS),
    );
    for (const one of found) memories.set(one.id, one);
  }
  const kept: KeptTurn[] = [];
  for (const turn of turns) {
    const [inbound, outbox, effects, calls, steps] = await Promise.all([
      stores.inbox.ofTurn(turn.id, OPTIONS),
      stores.outbox.ofTurn(turn.id, OPTIONS),
      stores.effects.ofTurn(turn.id, OPTIONS),
      stores.ledger.callsOfTurn(turn.id, OPTIONS),
      stores.turns.steps(turn.id, OPTIONS),
    ]);
    const own = messages.filter((message) => message.turnId === turn.id);
    kept.push({ turn, inbound, outbox, effects, calls, steps, messages: own });
  }
  kept.sort((a, b) => compare(a.turn.sessionId, b.turn.sessionId) || a.turn.turnSeq - b.turn.turnSeq);
  return { turns: kept, messages, memories: [...memories.values()] };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

async function pages<Item>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Item>>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}
