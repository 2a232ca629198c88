import type {
  CallOptions,
  MemoryRecord,
  MemoryStore,
  NewMemory,
  SessionStore,
  TurnStore,
  Write,
} from "@troupe/contracts";
import { createMemoryKeeper, derivedId, detectLanguage, redactText } from "../../kit/index.ts";
import { answerOf, type Change, changesOf } from "./changes.ts";
import { type Habit, habitsOf } from "./habits.ts";
import { type HeardPerson, heardLately } from "./heard.ts";
import { changeText, habitText } from "./reflect-words.ts";

/** Reflections of one night that rules make. */
const MOST_MADE = 5;
const PAGE = 200;
const MOST_KNOWN_PAGES = 10;
/** The newest that ended are looked at for what changed. */
const MOST_CLOSED_PAGES = 10;
/** Whoever struck one does not want it again in other words. */
const REFUSED: readonly unknown[] = ["forgotten", "undone", "corrected"];
const SALIENCE = 0.5;

export interface ReflectDeps {
  readonly memories: Pick<MemoryStore, "list" | "alike" | "put" | "prove" | "close">;
  readonly sessions: Pick<SessionStore, "list" | "messages">;
  readonly turns: Pick<TurnStore, "get">;
  /** IANA zone of the home, in which days begin. */
  readonly zone: () => string;
}

export interface Night {
  readonly spaceId: string;
  readonly agentId: string;
  /** When the night before looked. UTC milliseconds. */
  readonly since: number;
  readonly at: number;
}

/**
 * What several records or messages show together, in plain cases alone: what is asked on one weekday, a name that is asked about
 * again and again, an answer that changed twice. For those alone who know all that it rests on. What stands already, and
 * what somebody struck, is not made again. No reflection is read for it.
 */
export async function reflectByRules(
  deps: ReflectDeps,
  night: Night,
  open: readonly MemoryRecord[],
  options: CallOptions,
): Promise<{ readonly made: number; readonly writes: readonly Write<unknown>[] }> {
  const { memories } = deps;
  const ended = await ownRecords(deps, night, { state: "closed", kinds: ["fact", "relationship"] }, options);
  const found = changesOf(open, ended, night.since).map((change) => changed(night, change));
  for await (const person of heardLately(deps.sessions, { ...night, zone: deps.zone() }, options))
    found.push(...(await habitual(deps, night, person, options)));
  if (found.length === 0) return { made: 0, writes: [] };
  const known = await ownRecords(deps, night, { state: "all", kinds: ["reflection"] }, options);
  const keeper = createMemoryKeeper({ memories, isGuarded: true });
  const writes: Write<unknown>[] = [];
  let made = 0;
  for (const reflection of found) {
    if (made >= MOST_MADE) break;
    if (redactText(reflection.text) !== reflection.text || isKnown(reflection, known)) continue;
    const kept = await keeper.keep(reflection, options);
    if (kept.kind !== "new") continue;
    made++;
    writes.push(...kept.writes);
  }
  return { made, writes };
}

/** The agent's own, the newest first, as many as matter. */
async function ownRecords(
  { memories }: ReflectDeps,
  { spaceId, agentId }: Night,
  which: Pick<Parameters<MemoryStore["list"]>[0], "state" | "kinds">,
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  const records: MemoryRecord[] = [];
  const most = which.state === "closed" ? MOST_CLOSED_PAGES : MOST_KNOWN_PAGES;
  let cursor: string | undefined;
  for (let page = 0; page < most; page++) {
    const query = { spaceId, agentId, readers: undefined, limit: PAGE, ...which };
    const { items, next } = await memories.list(
      { ...query, ...(cursor === undefined ? {} : { cursor }) },
      options,
    );
    records.push(...items.filter((record) => record.agentId === agentId));
    if (next === undefined) break;
    cursor = next;
  }
  return records;
}

function changed({ spaceId, agentId, at }: Night, change: Change): NewMemory {
  const { slot, answers, audience } = change;
  const last = answers.at(-1) as MemoryRecord;
  const value = derivedId("answers", ...answers.map(answerOf));
  return {
    ...{ id: derivedId("reflection", spaceId, agentId, slot, value, ...audience), spaceId, agentId },
    ...{ audience, kind: "reflection", text: changeText(detectLanguage(last.text), change) },
    ...{ turnId: last.turnId, recordedAt: at, salience: SALIENCE, slot: `changes of ${slot}` },
    ...{ validFrom: answers[0]?.recordedAt ?? at, attributes: { by: "dream", rule: "changes", value } },
    sources: answers.map(({ id }) => ({ kind: "memory", id })),
  };
}

async function habitual(
  { turns }: Pick<ReflectDeps, "turns">,
  night: Night,
  { peer, heard }: HeardPerson,
  options: CallOptions,
): Promise<readonly NewMemory[]> {
  const found = habitsOf(heard, night.since);
  if (found.length === 0) return [];
  // What a job or another agent asks is written as a person's words are.
  const others = new Set<string>();
  for (const turnId of new Set(found.flatMap(({ uses }) => uses.map((one) => one.turnId)))) {
    const trigger = (await turns.get(turnId, options))?.trigger;
    if (trigger !== "chat" && trigger !== "channel") others.add(turnId);
  }
  const own = heard.filter(({ turnId }) => !others.has(turnId));
  const habits = others.size === 0 ? found : habitsOf(own, night.since);
  return habits.map((habit) => reflectionOf(night, peer, habit));
}

function reflectionOf({ spaceId, agentId, at }: Night, peer: string, habit: Habit): NewMemory {
  const { weekday, stems, uses } = habit;
  const [first] = uses;
  const last = uses.at(-1);
  const rule = weekday === undefined ? "subject" : "weekday";
  const words = stems.join(" ");
  return {
    ...{
      id: derivedId("reflection", spaceId, agentId, peer, rule, String(weekday), words),
      spaceId,
      agentId,
    },
    ...{ audience: [peer], kind: "reflection", text: habitText(detectLanguage(last?.question ?? ""), habit) },
    ...{ turnId: last?.turnId ?? "", recordedAt: at, validFrom: first?.at ?? at, salience: SALIENCE },
    attributes: { by: "dream", rule, words, ...(weekday === undefined ? {} : { weekday }) },
    sources: uses.map(({ reference }) => reference),
  };
}

/** Whether it stands already, or was struck. An answer that changed once more is told anew. */
function isKnown(reflection: NewMemory, known: readonly MemoryRecord[]): boolean {
  return known.some((one) => {
    const isRefused = REFUSED.includes(one.closed?.reason);
    if (one.closed !== undefined && !isRefused) return false;
    if (JSON.stringify(one.audience) !== JSON.stringify(reflection.audience)) return false;
    if (reflection.slot !== undefined)
      return one.slot === reflection.slot && (isRefused || isSame(one, reflection, "value"));
    return (
      isSame(one, reflection, "rule") && isSame(one, reflection, "weekday") && sharesWord(one, reflection)
    );
  });
}

function isSame(one: NewMemory, other: NewMemory, name: string): boolean {
  return one.attributes?.[name] === other.attributes?.[name];
}

function sharesWord(one: NewMemory, other: NewMemory): boolean {
  const words = String(one.attributes?.words).split(" ");
  return String(other.attributes?.words)
    .split(" ")
    .some((word) => words.includes(word));
}
