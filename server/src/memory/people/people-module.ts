import type {
  CallOptions,
  Contribution,
  MemoryRecord,
  MemoryStore,
  Message,
  Module,
  PersonStore,
  SessionStore,
  TurnView,
} from "@troupe/contracts";
import { calledOf, dayOf, estimateTokens } from "../../kit/index.ts";
import { excerptOf } from "../excerpt.ts";
import { type Familiarity, familiarityOf } from "./familiarity.ts";
import type { PersonBook } from "./person-book.ts";
import { type Known, knownPeople } from "./relations.ts";

const BUDGET_TOKENS = 250;
/** Newest records that are looked at. */
const LOOKED_AT = 50;
const MAX_LINES = 12;
const MAX_LINE_CHARACTERS = 200;
/** Newest messages of a group whose authors count as here. */
const HEARD = 50;
const MAX_HERE = 8;
const HEAD = "Whom you talk with, and what is known of people, for reference only:";
const NOTHING: Contribution = { text: "" };
const WELL: Readonly<Record<Exclude<Familiarity, "new">, string>> = {
  known: "you have talked before",
  familiar: "you know each other well",
  close: "you have known each other for long",
};

export interface PeopleModuleDeps {
  readonly persons: Pick<PersonStore, "profiles" | "acquaintances">;
  readonly memories: Pick<MemoryStore, "list" | "find">;
  readonly sessions: Pick<SessionStore, "messages">;
  readonly people: Pick<PersonBook, "namesOf">;
}

/**
 * Shows prompts who is here and what people are to one another, as far as all who read the answer know it. It is made where
 * awareness is, and says nothing of somebody of whom nothing is known.
 */
export function createPeopleModule(deps: PeopleModuleDeps): Module {
  /** The names that something was said for: with a link it is made anew. */
  const madeFor = new WeakMap<Contribution, string>();
  return {
    id: "people",
    budgetTokens: BUDGET_TOKENS,
    async aware(turn, options, told) {
      const { spaceId, audience: readers } = turn;
      const [only] = readers;
      if (only === undefined) return NOTHING;
      const names = readers.length === 1 ? await deps.people.namesOf(spaceId, only, options) : readers;
      const of = names.join("\n");
      if (told !== undefined && madeFor.get(told) === of && (await stands(deps, turn, told, options)))
        return undefined;
      const made = await contributionOf(deps, turn, names, options);
      madeFor.set(made, of);
      return made;
    },
  };
}

/** Whether all of what was told is known still. */
async function stands(
  { memories }: PeopleModuleDeps,
  { spaceId, audience: readers }: TurnView,
  { sources = [] }: Contribution,
  options: CallOptions,
): Promise<boolean> {
  const ids = sources.map(({ id }) => id);
  return ids.length === 0 || (await memories.find({ spaceId, readers, ids }, options)).length === ids.length;
}

async function contributionOf(
  deps: PeopleModuleDeps,
  turn: TurnView,
  names: readonly string[],
  options: CallOptions,
): Promise<Contribution> {
  const { spaceId, audience: readers } = turn;
  const query = { spaceId, agentId: turn.agent.spec.id, readers, limit: LOOKED_AT };
  const [page, here] = await Promise.all([
    deps.memories.list({ ...query, kinds: ["relationship"] }, options),
    readers.length === 1 ? personHere(deps, turn, names, options) : peopleHere(deps, turn, options),
  ]);
  const told = linesOf(page.items, here.called);
  let left = BUDGET_TOKENS - estimateTokens(HEAD) - estimateTokens(here.line);
  const shown = told.slice(0, MAX_LINES).filter(({ line }) => {
    left -= estimateTokens(line);
    return left >= 0;
  });
  const lines = [...(here.line === "" ? [] : [here.line]), ...shown.map(({ line }) => line)];
  // Its own object, by which it is known what it was made for.
  if (lines.length === 0) return { ...NOTHING };
  const ids = shown.flatMap(({ records }) => records.map(({ id }) => id));
  return {
    text: [HEAD, ...lines].join("\n"),
    block: "people",
    detail: `${lines.length} ${lines.length === 1 ? "line" : "lines"} of people`,
    sources: [...new Set(ids)].map((id) => ({ kind: "memory", id })),
  };
}

interface Here {
  /** Empty: there is nothing to say of them. */
  readonly line: string;
  /** By the names of audiences, what people call them. Empty where one person alone reads. */
  readonly called: ReadonlyMap<string, string>;
}

/** The one who reads alone: how channels show them, and how well they are known. */
async function personHere(
  { persons }: PeopleModuleDeps,
  { spaceId, agent }: TurnView,
  names: readonly string[],
  options: CallOptions,
): Promise<Here> {
  const [profiles, talks] = await Promise.all([
    persons.profiles({ spaceId, names }, options),
    persons.acquaintances({ spaceId, names, agentId: agent.spec.id }, options),
  ]);
  const shown = new Map(profiles.map(({ name, shownName }) => [name, shownName]));
  const called = names.flatMap((name) => shown.get(name) ?? [])[0];
  const { level, firstAt } = familiarityOf(talks);
  if (called === undefined && (level === "new" || level === "known") && names.length === 1) return NOBODY;
  const since = firstAt === undefined ? "" : `, since ${dayOf(firstAt)}`;
  const known = level === "new" ? "" : `: ${WELL[level]}${since}`;
  const line = `${called === undefined ? "You talk with" : `${called} is`} ${names.join(", also ")}${known}.`;
  return { line: lineIn(line), called: new Map() };
}

/** Of a group those who spoke lately and still read it, in the order of their names, which changes least. */
async function peopleHere(
  { sessions }: PeopleModuleDeps,
  { sessionId, audience, inbound }: TurnView,
  options: CallOptions,
): Promise<Here> {
  const { items } = await sessions.messages({ sessionId, newest: true, limit: HEARD }, options);
  // What is being accepted may not be kept yet.
  const called = authorsOf([...inbound, ...items], audience);
  if (called.size === 0) return NOBODY;
  const shown = [...called].map(([name, one]) => `${one} (${name})`).toSorted();
  const rest = audience.length - shown.length;
  const others = rest > 0 ? `, and ${rest} more who read it` : "";
  const line = `In this conversation: ${shown.join(", ")}${others}. In brackets before a message: who wrote it.`;
  return { line, called };
}

function authorsOf(messages: readonly Message[], audience: readonly string[]): ReadonlyMap<string, string> {
  const called = new Map<string, string>();
  for (const { author } of messages) {
    if (called.size === MAX_HERE) break;
    if (author === undefined || called.has(author.peerId) || !audience.includes(author.peerId)) continue;
    called.set(author.peerId, calledOf(author));
  }
  return called;
}

const NOBODY: Here = { line: "", called: new Map() };

interface Line {
  readonly line: string;
  readonly records: readonly MemoryRecord[];
}

/** A line for each person, those that matter most first; what is words alone as it was said. */
function linesOf(records: readonly MemoryRecord[], called: ReadonlyMap<string, string>): readonly Line[] {
  const known = knownPeople(records);
  const told = new Set(known.flatMap((one) => one.records));
  const lines = [
    ...known.map((one) => ({ line: lineOf(one, called), records: one.records })),
    ...records.filter((one) => !told.has(one)).map((one) => ({ line: one.text, records: [one] })),
  ];
  return lines
    .map((one) => ({ ...one, line: lineIn(one.line) }))
    .toSorted((a, b) => weightOf(b) - weightOf(a));
}

function lineOf(
  { person, speaker, relations, knows, records }: Known,
  called: ReadonlyMap<string, string>,
): string {
  const whose = speaker === undefined ? "their" : `${called.get(speaker) ?? speaker}'s`;
  const parts = [
    ...(relations.length === 0 ? [] : [`${whose} ${relations.join(" and ")}`]),
    ...(knows.length === 0 ? [] : [`knows about ${knows.join(", ")}`]),
  ];
  const who = person ?? (speaker === undefined ? undefined : (called.get(speaker) ?? speaker));
  // Of whoever alone reads: their own words.
  return who === undefined ? `They say: ${records[0]?.text ?? ""}` : `${who}: ${parts.join("; ")}.`;
}

function lineIn(line: string): string {
  return line === "" ? "" : excerptOf(line, [], MAX_LINE_CHARACTERS);
}

function weightOf({ records }: Line): number {
  // What nights hold fast comes first.
  const weights = records.map(
    ({ salience, proofCount, promotedAt }) =>
      (promotedAt === undefined ? 0 : 1) + salience + Math.min(proofCount, 5) / 10,
  );
  return Math.max(...weights);
}
