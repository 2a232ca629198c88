import type {
  Acquaintance,
  CallOptions,
  MemoryRecord,
  PeerProfile,
  PersonLink,
  SpokenCount,
  Stores,
} from "@troupe/contracts";
import { stemOf, wordsOf } from "../kit/index.ts";
import { type Familiarity, familiarityOf, joined, knownPeople } from "../memory/index.ts";

export const MOST_LINKS = 20_000;
/** Newest records of one name that are looked at for its aliases, and for who knows what. */
const LOOKED_AT = 200;
const MOST_SCANNED = 5_000;
const LISTED = 50;

type PeopleStores = Pick<Stores, "persons" | "memories">;

/** Somebody in a list: all names of a person, or a group. */
export interface ListedPerson {
  /** As audiences have them. */
  readonly names: readonly string[];
  /** As channels show them. */
  readonly shownNames: readonly string[];
  readonly links: readonly PersonLink[];
  readonly familiarity: Familiarity;
  /** With agents, where nobody else reads; of both. */
  readonly messages: number;
  readonly lastAt?: number;
  readonly agents: readonly string[];
}

/** Somebody by themselves, with all that is known of them without reading what they said. */
export interface ShownPerson extends Omit<ListedPerson, "agents"> {
  readonly profiles: readonly PeerProfile[];
  /** What they want to be called, as they said themselves. */
  readonly aliases: readonly string[];
  readonly agents: readonly Acquaintance[];
  /** Where several people read. */
  readonly spoken: readonly SpokenCount[];
  /** Who is what to them, and what they and others can be asked about, as they may be told. */
  readonly people: readonly KnownPerson[];
}

export interface KnownPerson {
  /** Absent: themselves. */
  readonly person?: string;
  readonly agentId: string;
  readonly relations: readonly string[];
  readonly knows: readonly string[];
}

/** Who can be asked about something, and who says so. */
export interface Expert {
  readonly person: string;
  readonly knows: readonly string[];
  readonly agentId: string;
  /** Who may be told. */
  readonly audience: readonly string[];
  readonly memoryId: string;
}

/** One page of everybody: a person with several names stands at the first of them. A page that goes on is never empty. */
export async function listPeople(
  { persons }: Pick<Stores, "persons">,
  query: {
    readonly spaceId: string;
    readonly cursor?: string;
    readonly limit?: number;
    readonly linked: boolean;
  },
  options: CallOptions,
): Promise<{ readonly items: readonly ListedPerson[]; readonly next?: string }> {
  const { spaceId } = query;
  const links = await persons.open(spaceId, MOST_LINKS, options);
  const people = joined(links);
  const { items: shown, next } = query.linked
    ? linkedPage(people, query)
    : await firstNames(persons, people, query, options);
  const names = shown.flatMap((name) => people.get(name) ?? [name]);
  const [profiles, talks] = await Promise.all([
    persons.profiles({ spaceId, names }, options),
    persons.acquaintances({ spaceId, names }, options),
  ]);
  const items = shown.map((name): ListedPerson => {
    const own = people.get(name) ?? [name];
    const ofOwn = talks.filter((talk) => own.includes(talk.name));
    const { level, messages, lastAt } = familiarityOf(ofOwn);
    return {
      names: own,
      shownNames: unique(profiles.flatMap((one) => (own.includes(one.name) ? [one.shownName] : []))),
      links: links.filter((link) => own.includes(link.names[0])),
      ...{ familiarity: level, messages, ...(lastAt === undefined ? {} : { lastAt }) },
      agents: unique(ofOwn.map(({ agentId }) => agentId)),
    };
  });
  return next === undefined ? { items } : { items, next: cursorOf(next) };
}

interface NamesPage {
  readonly items: readonly string[];
  readonly next?: string;
}

type NamesQuery = Pick<Parameters<typeof listPeople>[1], "spaceId" | "cursor" | "limit">;

/** Names of nobody else, each once: the other names of a person may fill whole pages. */
async function firstNames(
  persons: Pick<PeopleStores["persons"], "names">,
  people: ReadonlyMap<string, readonly string[]>,
  { cursor, ...query }: NamesQuery,
  options: CallOptions,
): Promise<NamesPage> {
  let after = cursor === undefined ? undefined : nameOf(cursor);
  for (;;) {
    const page = await persons.names(after === undefined ? query : { ...query, cursor: after }, options);
    const items = page.items.filter((name) => (people.get(name) ?? [name])[0] === name);
    if (items.length > 0 || page.next === undefined) return { ...page, items };
    after = page.next;
  }
}

/** From the links alone: of very many names few may be linked. */
function linkedPage(
  people: ReadonlyMap<string, readonly string[]>,
  { cursor, limit = LISTED }: NamesQuery,
): NamesPage {
  const after = cursor === undefined ? "" : nameOf(cursor);
  const left = unique([...people.values()].map(([first = ""]) => first))
    .filter((name) => name > after)
    .toSorted();
  const items = left.slice(0, limit);
  const last = items.at(-1);
  return left.length <= limit || last === undefined ? { items } : { items, next: last };
}

/** Names are what anybody calls themselves, and cursors are printed and typed. */
function cursorOf(name: string): string {
  return Buffer.from(name).toString("base64url");
}

function nameOf(cursor: string): string {
  return Buffer.from(cursor, "base64url").toString();
}

/** What is known of somebody who has these names. */
export async function showPeople(
  { persons, memories }: PeopleStores,
  { spaceId, names }: { readonly spaceId: string; readonly names: readonly string[] },
  options: CallOptions,
): Promise<Omit<ShownPerson, "links">> {
  const known = (name: string, kind: "fact" | "relationship") =>
    memories.list({ spaceId, readers: [name], kinds: [kind], limit: LOOKED_AT }, options);
  const [profiles, talks, spoken, facts, relations] = await Promise.all([
    persons.profiles({ spaceId, names }, options),
    persons.acquaintances({ spaceId, names }, options),
    persons.spoken({ spaceId, names }, options),
    Promise.all(names.map((name) => known(name, "fact"))),
    Promise.all(names.map((name) => known(name, "relationship"))),
  ]);
  const { level, messages, lastAt } = familiarityOf(talks);
  const about = new Map(relations.flatMap(({ items }) => items.map((one) => [one.id, one])));
  return {
    ...{ names, profiles, shownNames: unique(profiles.map(({ shownName }) => shownName)) },
    aliases: aliasesIn(
      facts.flatMap(({ items }) => items),
      names,
    ),
    ...{ familiarity: level, messages, ...(lastAt === undefined ? {} : { lastAt }) },
    ...{ agents: talks, spoken, people: peopleIn([...about.values()]) },
  };
}

function aliasesIn(facts: readonly MemoryRecord[], names: readonly string[]): readonly string[] {
  const slots = new Set(names.flatMap((name) => [`${name} name`, `${name} called`]));
  const told = facts.filter(({ slot }) => slot !== undefined && slots.has(slot));
  return unique(told.flatMap(({ attributes: { value } }) => (typeof value === "string" ? [value] : [])));
}

function peopleIn(records: readonly MemoryRecord[]): readonly KnownPerson[] {
  const byAgent = Map.groupBy(records, ({ agentId }) => agentId);
  return [...byAgent].flatMap(([agentId, own]) =>
    knownPeople(own).map(({ person, relations, knows }) => ({
      ...(person === undefined ? {} : { person }),
      ...{ agentId, relations, knows },
    })),
  );
}

/** Who can be asked about a subject, as any agent knows; newest first. Bounded: of very many records the newest are looked at. */
export async function findExperts(
  { memories }: Pick<Stores, "memories">,
  { spaceId, subject, limit }: { readonly spaceId: string; readonly subject: string; readonly limit: number },
  options: CallOptions,
): Promise<readonly Expert[]> {
  const wanted = wordsOf(subject, 100).map(stemOf);
  const found: Expert[] = [];
  let cursor: string | undefined;
  for (let read = 0; read < MOST_SCANNED && found.length < limit && wanted.length > 0; read += LOOKED_AT) {
    const query = { spaceId, readers: undefined, kinds: ["relationship"], limit: LOOKED_AT } as const;
    const page = await memories.list(cursor === undefined ? query : { ...query, cursor }, options);
    found.push(...page.items.flatMap((record) => expertIn(record, wanted) ?? []));
    if (page.next === undefined) break;
    cursor = page.next;
  }
  return found.slice(0, limit);
}

function expertIn(record: MemoryRecord, wanted: readonly string[]): Expert | undefined {
  const { id, agentId, audience, attributes } = record;
  const { person, speaker, knows } = attributes;
  if (typeof knows !== "string") return undefined;
  const own = new Set(wordsOf(knows, 100).map(stemOf));
  if (!wanted.every((stem) => own.has(stem))) return undefined;
  const who = person ?? speaker ?? audience[0] ?? "";
  return { person: String(who), knows: [knows], agentId, audience, memoryId: id };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
