import { type PersonLink, type Stores, TroupeError, type Write } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { safeText } from "../kit/index.ts";
import { joined, type PersonBook } from "../memory/index.ts";

interface PersonParts {
  readonly stores: Pick<Stores, "persons" | "unit">;
  readonly clock: { now(): number };
  readonly ids: { next(): string };
  readonly people: Pick<PersonBook, "changing">;
}

/** A person as an operator sees them: everybody who has several names. */
export interface ShownPerson {
  readonly names: readonly string[];
  /** What joins them, newest first; of one that was asked for the ended ones too. */
  readonly links: readonly PersonLink[];
}

const MOST_LINKS = 20_000;
const SHOWN_LINKS = 200;
const LONGEST_NAME = 500;

/** Persons as the operator sees them, joins them and splits them again. */
export function personRoutes(parts: PersonParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/persons", handle: (request) => list(parts, request) },
    { method: "GET", path: "/admin/persons/:name", handle: (request) => show(parts, request) },
    { method: "POST", path: "/admin/persons/merge", handle: (request) => merge(parts, request) },
    { method: "POST", path: "/admin/persons/undo", handle: (request) => undo(parts, request) },
  ];
}

async function list(parts: PersonParts, request: AdminRequest): Promise<readonly ShownPerson[]> {
  const links = await openLinks(parts, request);
  const people = joined(links);
  const byPerson = Map.groupBy(links, ({ names }) => people.get(names[0]) ?? names);
  return [...byPerson].map(([names, own]) => ({ names, links: own }));
}

async function show(parts: PersonParts, request: AdminRequest): Promise<ShownPerson> {
  const name = request.params.name ?? "";
  const { spaceId } = request.principal;
  const links = await openLinks(parts, request);
  const names = joined(links).get(name) ?? [name];
  const { items } = await parts.stores.persons.list({ spaceId, name, limit: SHOWN_LINKS }, request);
  if (items.length === 0 && names.length === 1)
    throw new TroupeError(`Nobody called "${safeText(name).slice(0, 64)}" was linked with anybody.`, {
      code: "request.not_found",
    });
  const person = personOf(names, links);
  const ended = items.filter(({ endedAt }) => endedAt !== undefined);
  return { ...person, links: [...person.links, ...ended] };
}

function personOf(names: readonly string[], links: readonly PersonLink[]): ShownPerson {
  return { names, links: links.filter((link) => names.includes(link.names[0])) };
}

async function merge(parts: PersonParts, request: AdminRequest): Promise<ShownPerson> {
  const { stores, clock, ids } = parts;
  const { spaceId } = request.principal;
  const names = namesIn(await request.json());
  const links = await openLinks(parts, request);
  const known = joined(links).get(names[0]) ?? [];
  // The same merge again changes nothing.
  if (!known.includes(names[1])) {
    const link = { id: ids.next(), spaceId, names, proof: "operator", linkedAt: clock.now() } as const;
    await change(parts, request, stores.persons.link(link));
  }
  return show(parts, { ...request, params: { name: names[0] } });
}

async function undo(parts: PersonParts, request: AdminRequest): Promise<{ readonly ended: number }> {
  const { of } = ((await request.json()) ?? {}) as { readonly of?: unknown };
  if (typeof of !== "string" || of === "")
    throw misuse('The body must be {"of": …}, the id of a link or the name of a peer.');
  const { spaceId } = request.principal;
  const isMeant = ({ id, names }: PersonLink): boolean => id === of || names.includes(of);
  const ended = (await openLinks(parts, request)).filter(isMeant).length;
  if (ended > 0)
    await change(parts, request, parts.stores.persons.unlink({ spaceId, of, at: parts.clock.now() }));
  return { ended };
}

async function change(
  { stores, people }: PersonParts,
  request: AdminRequest,
  write: Write<unknown>,
): Promise<void> {
  people.changing();
  await stores.unit.commit([write], request);
  // What was made of a link that ended is looked at again, now that it has.
  people.changing();
}

function openLinks({ stores }: PersonParts, request: AdminRequest): Promise<readonly PersonLink[]> {
  return stores.persons.open(request.principal.spaceId, MOST_LINKS, request);
}

function namesIn(body: unknown): readonly [string, string] {
  const { names } = (body ?? {}) as { readonly names?: unknown };
  const [one, other] = Array.isArray(names) ? (names as readonly unknown[]) : [];
  const isName = (name: unknown): name is string =>
    typeof name === "string" && name.trim() !== "" && name.length <= LONGEST_NAME;
  if (isName(one) && isName(other) && one !== other) return [one, other];
  throw misuse(
    'The body must be {"names": [one, other]}, two different peers as audiences call them: channel/name, or key/name.',
  );
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
