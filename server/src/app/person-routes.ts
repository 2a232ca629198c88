import { type PersonLink, type Stores, TroupeError, type Write } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { safeText } from "../kit/index.ts";
import { joined, type PersonBook } from "../memory/index.ts";
import { pageIn } from "./page-query.ts";
import { findExperts, listPeople, MOST_LINKS, type ShownPerson, showPeople } from "./people-view.ts";
import { exportLines } from "./person-export.ts";

interface PersonParts {
  readonly stores: Pick<Stores, "persons" | "memories" | "sessions" | "unit">;
  readonly clock: { now(): number };
  readonly ids: { next(): string };
  readonly people: Pick<PersonBook, "changing">;
}

const SHOWN_EXPERTS = 50;
const SHOWN_LINKS = 200;
const LONGEST_NAME = 500;

/** Persons as the operator sees them, joins them and splits them again. */
export function personRoutes(parts: PersonParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/persons", handle: (request) => list(parts, request) },
    { method: "GET", path: "/admin/persons/:name", handle: (request) => show(parts, request) },
    { method: "GET", path: "/admin/persons/:name/export", handle: (request) => exportAll(parts, request) },
    { method: "POST", path: "/admin/persons/merge", handle: (request) => merge(parts, request) },
    { method: "POST", path: "/admin/persons/undo", handle: (request) => undo(parts, request) },
    { method: "POST", path: "/admin/persons/split", handle: (request) => split(parts, request) },
  ];
}

/** `?linked=true`: only those with several names. `?knows=boats`: who can be asked about it instead. */
async function list({ stores }: PersonParts, request: AdminRequest): Promise<unknown> {
  const { spaceId } = request.principal;
  const page = pageIn(request.query);
  const subject = request.query.get("knows") ?? "";
  if (subject.trim() !== "") {
    const query = { spaceId, subject, limit: page.limit ?? SHOWN_EXPERTS };
    return { items: await findExperts(stores, query, request) };
  }
  const linked = request.query.get("linked") === "true";
  return await listPeople(stores, { ...page, spaceId, linked }, request);
}

/** Its links newest first, ended ones behind them. */
async function show(parts: PersonParts, request: AdminRequest): Promise<ShownPerson> {
  const name = request.params.name ?? "";
  const { spaceId } = request.principal;
  const open = await openLinks(parts, request);
  const names = joined(open).get(name) ?? [name];
  const [known, { items }] = await Promise.all([
    showPeople(parts.stores, { spaceId, names }, request),
    parts.stores.persons.list({ spaceId, name, limit: SHOWN_LINKS }, request),
  ]);
  const { profiles, agents, spoken, people, aliases } = known;
  const isKnown = [profiles, agents, spoken, people, aliases, items].some((all) => all.length > 0);
  if (!isKnown && names.length === 1)
    throw new TroupeError(
      `Nobody is called "${safeText(name).slice(0, 64)}" here. ./troupe person list names everybody.`,
      { code: "request.not_found" },
    );
  const ended = items.filter(({ endedAt }) => endedAt !== undefined);
  return { ...known, links: [...open.filter((link) => names.includes(link.names[0])), ...ended] };
}

async function exportAll(parts: PersonParts, request: AdminRequest): Promise<Response> {
  const lines = exportLines(parts.stores, await show(parts, request), request.principal.spaceId, request);
  const body = ReadableStream.from(lines).pipeThrough(new TextEncoderStream());
  return new Response(body, { headers: { "content-type": "application/jsonl; charset=utf-8" } });
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

/** Ends what joins two names directly; over other names they may be one person still. */
async function split(parts: PersonParts, request: AdminRequest): Promise<{ readonly ended: number }> {
  const names = namesIn(await request.json());
  const { spaceId } = request.principal;
  const between = (await openLinks(parts, request)).filter((link) =>
    names.every((name) => link.names.includes(name)),
  );
  const at = parts.clock.now();
  const writes = between.map(({ id }) => parts.stores.persons.unlink({ spaceId, of: id, at }));
  if (writes.length > 0) await change(parts, request, ...writes);
  return { ended: writes.length };
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
  ...writes: readonly Write<unknown>[]
): Promise<void> {
  people.changing();
  await stores.unit.commit(writes, request);
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
