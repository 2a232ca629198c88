import { type CallOptions, type Message, type SessionStore, textOf } from "@troupe/contracts";

/** Rows of one read: an answer holds all that its tools brought, which may be half a megabyte. */
const PAGE = 32;
/** Others may write, or be queued, between a turn's first message and its answer. */
const TURN_SPAN = 64;
/** Of very much only the newest is read. */
const MOST_SPAN = 400;
const MOST_CHARACTERS = 64 * 1024;
/** Of one message its beginning counts, as far as requests show it. */
const MOST_OF_MESSAGE = 1_000;

type Sessions = Pick<SessionStore, "messages">;

/** Who wrote what in a turn, oldest first, however much its tools brought. Empty where its session is gone. */
export async function saidInTurn(
  sessions: Sessions,
  {
    sessionId,
    turnSeq,
    turnId,
  }: { readonly sessionId: string; readonly turnSeq: number; readonly turnId: string },
  options: CallOptions,
): Promise<readonly Message[]> {
  const said = await between(sessions, { sessionId, from: turnSeq, upTo: turnSeq }, options);
  return said.filter((message) => message.turnId === turnId);
}

/** What was said in the turns after one and up to another, oldest first; of very much the newest. */
export async function saidAfter(
  sessions: Sessions,
  of: { readonly sessionId: string; readonly sinceTurnSeq: number; readonly uptoTurnSeq: number },
  isMeant: (message: Message) => boolean,
  options: CallOptions,
): Promise<readonly Message[]> {
  const { sessionId, sinceTurnSeq, uptoTurnSeq: upTo } = of;
  const from = Math.max(sinceTurnSeq + 1, upTo - MOST_SPAN);
  const said = (await between(sessions, { sessionId, from, upTo }, options)).filter(isMeant);
  let left = MOST_CHARACTERS;
  const cut = said.findLastIndex(({ parts }) => {
    left -= Math.min(textOf(parts).length, MOST_OF_MESSAGE);
    return left < 0;
  });
  return said.slice(cut + 1);
}

/** Messages of turns that ended well. A turn bears the number of its first message, so all of them lie behind that. */
async function between(
  sessions: Sessions,
  { sessionId, from, upTo }: { readonly sessionId: string; readonly from: number; readonly upTo: number },
  options: CallOptions,
): Promise<readonly Message[]> {
  const said: Message[] = [];
  let cursor: string | undefined = String(from - 1);
  while (cursor !== undefined && Number(cursor) < upTo + TURN_SPAN) {
    const page = await sessions.messages({ sessionId, cursor, limit: PAGE }, options);
    said.push(...page.items.filter(({ turnSeq }) => turnSeq >= from && turnSeq <= upTo).filter(isSaid));
    cursor = page.next;
  }
  return said.toSorted((a, b) => a.turnSeq - b.turnSeq || a.seq - b.seq);
}

function isSaid({ role, outcome, parts }: Message): boolean {
  return role !== "notice" && outcome === "ok" && textOf(parts).trim() !== "";
}
