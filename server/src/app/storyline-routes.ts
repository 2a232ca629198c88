import { type CallOptions, type Stores, type Storyline, TroupeError, type Write } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { derivedId, type RingParts, ringFor, safeText } from "../kit/index.ts";
import { pageIn } from "./page-query.ts";

interface StorylineParts extends RingParts {
  readonly stores: Pick<Stores, "storylines" | "turns" | "unit">;
  /** What turns are placed by has changed; the other processes hear a bell. */
  readonly placer: { forgetAll(): void };
}

const LONGEST_NAME = 200;
const SHOWN_TURNS = 20;

/** Storylines as the operator sees and mends them. */
export function storylineRoutes(parts: StorylineParts): readonly AdminRoute[] {
  const one = "/admin/storylines/:id";
  return [
    { method: "GET", path: "/admin/storylines", handle: (request) => list(parts, request) },
    { method: "GET", path: one, handle: (request) => show(parts, request) },
    { method: "PATCH", path: one, handle: (request) => rename(parts, request) },
    { method: "POST", path: `${one}/merge`, handle: (request) => merge(parts, request) },
    { method: "POST", path: `${one}/split`, handle: (request) => split(parts, request) },
    { method: "POST", path: `${one}/turns`, handle: (request) => move(parts, request) },
  ];
}

function list({ stores }: StorylineParts, request: AdminRequest): Promise<unknown> {
  const { query, principal } = request;
  return stores.storylines.list(
    {
      spaceId: principal.spaceId,
      agentId: query.get("agent") ?? undefined,
      peerId: query.get("peer") ?? undefined,
      ...pageIn(query),
    },
    request,
  );
}

async function show({ stores }: StorylineParts, request: AdminRequest): Promise<unknown> {
  const storyline = await storylineOf(stores, request.params.id, request);
  const turns = await stores.storylines.turnsOf(storyline.id, SHOWN_TURNS, request);
  return { ...storyline, turns };
}

async function rename(parts: StorylineParts, request: AdminRequest): Promise<unknown> {
  const { id } = await storylineOf(parts.stores, request.params.id, request);
  const name = nameIn(await bodyOf(request));
  if (name === "") throw misuse('The body must be {"name": …}, one line that is not empty.');
  return changed(parts, request, id, [parts.stores.storylines.rename({ id, name, at: parts.clock.now() })]);
}

async function merge(parts: StorylineParts, request: AdminRequest): Promise<unknown> {
  const { storylines } = parts.stores;
  const from = await storylineOf(parts.stores, request.params.id, request);
  const into = await storylineOf(parts.stores, textIn(await bodyOf(request), "into"), request);
  mustFit(from, into);
  return changed(parts, request, into.id, [
    storylines.reassign({ from: from.id, to: into.id }),
    storylines.merge({ id: from.id, into: into.id, at: parts.clock.now() }),
  ]);
}

/** Its turns of one session, from a turn on, become a storyline of their own. The same split again changes nothing. */
async function split(parts: StorylineParts, request: AdminRequest): Promise<unknown> {
  const { storylines } = parts.stores;
  const from = await storylineOf(parts.stores, request.params.id, request);
  const fields = await bodyOf(request);
  const turn = await turnOf(parts.stores, textIn(fields, "turnId"), request);
  const { spaceId, agentId, audience, peerId } = from;
  const id = derivedId("storyline", from.id, turn.id);
  const name = nameIn(fields);
  const about = { spaceId, agentId, audience, sessionId: turn.sessionId, updatedAt: parts.clock.now() };
  return changed(parts, request, id, [
    storylines.open({
      ...{ ...about, id, laterId: id, title: name === "" ? from.title : name },
      ...(peerId === undefined ? {} : { peerId }),
    }),
    storylines.reassign({
      from: from.id,
      to: id,
      fromTurn: { sessionId: turn.sessionId, turnSeq: turn.turnSeq },
    }),
  ]);
}

async function move(parts: StorylineParts, request: AdminRequest): Promise<unknown> {
  const { storylines } = parts.stores;
  const to = await storylineOf(parts.stores, request.params.id, request);
  const turn = await turnOf(parts.stores, textIn(await bodyOf(request), "turnId"), request);
  const [placed] = await storylines.placedIn(turn.sessionId, turn.turnSeq, request);
  const home = await storylines.ofSession(turn.sessionId, request);
  const fromId = placed?.turnSeq === turn.turnSeq ? placed.storylineId : home?.id;
  const from = await storylineOf(parts.stores, fromId, request);
  if (from.id === to.id) return to;
  mustFit(from, to);
  return changed(parts, request, to.id, [storylines.reassign({ from: from.id, to: to.id, turnId: turn.id })]);
}

async function changed(
  parts: StorylineParts,
  request: AdminRequest,
  id: string,
  writes: readonly Write<unknown>[],
): Promise<Storyline> {
  const { stores, placer } = parts;
  await stores.unit.commit(writes, request);
  placer.forgetAll();
  ringFor(parts, writes);
  return storylineOf(stores, id, request);
}

/** What one may know of both, all may know of the other: turns carry no audience away. */
function mustFit(from: Storyline, to: Storyline): void {
  const sameReaders =
    from.audience.length === to.audience.length && from.audience.every((one) => to.audience.includes(one));
  if (from.id !== to.id && from.agentId === to.agentId && sameReaders) return;
  throw misuse(
    from.id === to.id
      ? "A storyline is a part of itself already; name another one."
      : `Storylines ${from.id} and ${to.id} are of different agents, or not of the same people; what was said to some would reach others.`,
  );
}

async function storylineOf(
  { storylines }: Pick<Stores, "storylines">,
  id: string | undefined,
  request: AdminRequest,
): Promise<Storyline> {
  const found = id === undefined || id === "" ? undefined : await storylines.get(id, request);
  if (found !== undefined && found.spaceId === request.principal.spaceId) return found;
  throw new TroupeError(`There is no storyline "${safeText(id ?? "").slice(0, 64)}".`, {
    code: "request.not_found",
  });
}

async function turnOf({ turns }: Pick<Stores, "turns">, id: string, request: AdminRequest & CallOptions) {
  const turn = await turns.get(id, request);
  if (turn !== undefined && turn.spaceId === request.principal.spaceId) return turn;
  throw new TroupeError(`There is no turn "${safeText(id).slice(0, 64)}".`, { code: "request.not_found" });
}

async function bodyOf(request: AdminRequest): Promise<Readonly<Record<string, unknown>>> {
  const body = await request.json();
  return typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : {};
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === "string" && value !== "") return value;
  throw misuse(`The body must have "${name}", an id.`);
}

function nameIn({ name }: Readonly<Record<string, unknown>>): string {
  if (typeof name !== "string") return "";
  return safeText(name).replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME);
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
