import {
  type CallOptions,
  EVERYONE,
  type Message,
  type Session,
  type SessionStore,
  textOf,
} from "@troupe/contracts";
import type { Heard } from "./habits.ts";

const DAY_MS = 86_400_000;
/** Eight weeks tell a weekday from chance. */
export const HORIZON_MS: number = 56 * DAY_MS;
const PAGE = 100;
/** Conversations that one night looks at, the most recent ones; people, those heard last; and messages of each of them. */
const MOST_SESSIONS = 200;
const MOST_PEOPLE = 20;
const MOST_MESSAGES = 1_500;
const MAX_CHARACTERS = 2_000;
const MAX_QUESTION_CHARACTERS = 160;

type Sessions = Pick<SessionStore, "list" | "messages">;

/** What somebody said to an agent in private within the horizon. */
export interface HeardPerson {
  readonly peer: string;
  readonly heard: readonly Heard[];
}

/**
 * What each person whom the agent heard since a time said to it in private, in their own words. In a group nobody knows
 * who says what. Of very many people and conversations the most recent ones.
 */
export async function* heardLately(
  sessions: Sessions,
  of: {
    readonly spaceId: string;
    readonly agentId: string;
    readonly since: number;
    readonly at: number;
    /** IANA zone of the days. */
    readonly zone: string;
  },
  options: CallOptions,
): AsyncGenerator<HeardPerson> {
  const horizon = of.at - HORIZON_MS;
  const dayIn = daysOf(of.zone);
  const people = Map.groupBy(await recentSessions(sessions, of, horizon, options), readerOf);
  const lately = [...people].filter(([, some]) => some.some(({ updatedAt }) => updatedAt > of.since));
  for (const [peer, some] of lately.slice(0, MOST_PEOPLE)) {
    const heard: Heard[] = [];
    for (const { id } of some) {
      if (heard.length >= MOST_MESSAGES) break;
      for await (const message of messagesSince(sessions, id, horizon, options))
        if (isOwn(message, peer)) heard.push({ ...heardIn(message), ...dayIn(message.createdAt) });
    }
    yield { peer, heard };
  }
}

/** Private ones, the most recent first. */
async function recentSessions(
  sessions: Sessions,
  { spaceId, agentId }: { readonly spaceId: string; readonly agentId: string },
  horizon: number,
  options: CallOptions,
): Promise<readonly Session[]> {
  const recent: Session[] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MOST_SESSIONS; looked += PAGE) {
    const query = { spaceId, agentId, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await sessions.list(query, options);
    recent.push(...items.filter((one) => one.updatedAt >= horizon && readerOf(one) !== ""));
    if (next === undefined || (items.at(-1)?.updatedAt ?? 0) < horizon) break;
    cursor = next;
  }
  return recent;
}

/** Who alone reads it; empty where several do. */
function readerOf({ audience }: Session): string {
  const [reader = ""] = audience;
  return audience.length === 1 && reader !== EVERYONE ? reader : "";
}

async function* messagesSince(
  sessions: Sessions,
  sessionId: string,
  horizon: number,
  options: CallOptions,
): AsyncGenerator<Message> {
  let cursor: string | undefined;
  for (let read = 0; read < MOST_MESSAGES; read += PAGE) {
    const query = { sessionId, newest: true, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, next } = await sessions.messages(query, options);
    yield* items.filter(({ createdAt }) => createdAt >= horizon);
    if (next === undefined || items.some(({ createdAt }) => createdAt < horizon)) return;
    cursor = next;
  }
}

function isOwn({ role, outcome, audience }: Message, peer: string): boolean {
  return role === "user" && outcome === "ok" && audience.length === 1 && audience[0] === peer;
}

function heardIn({ id, sessionId, turnSeq, turnId, createdAt: at, parts }: Message) {
  const question = questionIn(textOf(parts).slice(0, MAX_CHARACTERS));
  return { reference: { kind: "message", id, sessionId, turnSeq }, turnId, at, question } as const;
}

/** The last sentence that ends by asking. */
function questionIn(text: string): string {
  const sentences = text.match(/[^.!?…\n]+[.!?…]*/gu) ?? [];
  const asked = sentences.findLast((sentence) => /\?[?!]*$/u.test(sentence))?.trim() ?? "";
  return asked.length > MAX_QUESTION_CHARACTERS ? "" : asked.replace(/\s+/g, " ");
}

/** Day and weekday of a moment, in a zone. */
function daysOf(zone: string): (at: number) => Pick<Heard, "day" | "weekday"> {
  const days = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return (at) => {
    const day = days.format(at);
    return { day, weekday: new Date(`${day}T00:00:00Z`).getUTCDay() };
  };
}
