import type { CallOptions, PlaceQuery, Storyline, StorylineStore } from "@troupe/contracts";
import { isKnownToAll, isKnownToAny } from "../../kit/index.ts";
import type { PersonBook } from "../people/index.ts";
import { addTurn, type KnownSession, lineElsewhere } from "./lines.ts";

/** Turns of a session that are read anew. */
const EARLIER_TURNS = 12;
/** Storylines of the same person's other sessions that may be resumed. */
const ELSEWHERE = 4;
/** As if so many messages lay between. */
const ELSEWHERE_AGO = 60;

/** Every name of the one who reads. Where several do, a link opens nothing. */
export function namesOf(
  people: Pick<PersonBook, "namesOf"> | undefined,
  { spaceId, readers }: PlaceQuery,
  options: CallOptions,
): readonly string[] | Promise<readonly string[]> {
  const [only] = readers;
  if (people === undefined || only === undefined || readers.length > 1) return [];
  return people.namesOf(spaceId, only, options);
}

/** What is kept of a session, from the store. */
export async function readSession(
  storylines: Pick<StorylineStore, "ofPeer" | "placedIn">,
  names: readonly string[],
  query: PlaceQuery,
  options: CallOptions,
): Promise<KnownSession> {
  const earlier = query.earlier().slice(-EARLIER_TURNS);
  const { sessionId, home, readers } = query;
  const [others, placed] = await Promise.all([
    othersOf(storylines, names, query, options),
    earlier.length === 0 ? [] : storylines.placedIn(sessionId, earlier[0]?.turnSeq ?? 0, options),
  ]);
  const session: KnownSession = {
    ...{ readers, names, lines: [] },
    current: undefined,
    lastTurnSeq: query.previousTurnSeq,
    lastAt: undefined,
    isBehind: false,
  };
  const placedById = new Map(placed.map((one) => [one.turnSeq, one]));
  for (const { turnSeq, texts } of earlier) {
    const where = placedById.get(turnSeq);
    // A turn that somebody moved may lie in a storyline that began before one of the readers came.
    const isOwn = where !== undefined && isKnownToAll(where.audience, readers);
    const isKnown = where !== undefined && (isOwn || isKnownToAny(where.audience, names));
    const of = isOwn ? {} : { isOfAnotherName: true as const };
    addTurn(session, isKnown ? { id: where.storylineId, title: where.title, ...of } : home, texts);
  }
  addOthers(session, others, query);
  return session;
}

/** Reads the storylines of other sessions that may be resumed: another began meanwhile. */
export async function readOthers(
  storylines: Pick<StorylineStore, "ofPeer">,
  session: KnownSession,
  query: PlaceQuery,
  options: CallOptions,
): Promise<void> {
  addOthers(session, await othersOf(storylines, session.names, query, options), query);
}

/** Of all storylines of other sessions those that were talked of last may be resumed. */
function addOthers(
  session: KnownSession,
  others: readonly Storyline[],
  { sessionId, readers }: PlaceQuery,
): void {
  const own = session.lines.filter(({ elsewhere }) => elsewhere === undefined);
  const isCandidate = (one: Storyline): boolean =>
    one.sessionId !== sessionId && one.title !== "" && own.every(({ id }) => id !== one.id);
  const found = others
    .filter(isCandidate)
    .slice(0, ELSEWHERE)
    .map((one, at) =>
      lineElsewhere(one, {
        ago: ELSEWHERE_AGO + at,
        isOfAnotherName: !isKnownToAll(one.audience, readers),
      }),
    );
  session.lines.splice(0, session.lines.length, ...own, ...found);
  session.isBehind = false;
}

/** Those that began with whoever this is, under each of their names, as far as that name or all who read know them; newest first. */
async function othersOf(
  storylines: Pick<StorylineStore, "ofPeer">,
  names: readonly string[],
  { spaceId, agentId, peerId, readers }: PlaceQuery,
  options: CallOptions,
): Promise<readonly Storyline[]> {
  // One more for each of this session's own, which are none of the others.
  const of = { spaceId, agentId, limit: 2 * ELSEWHERE };
  const own = async (): Promise<readonly Storyline[]> =>
    (await storylines.ofPeer({ ...of, peerId }, options)).filter((one) =>
      isKnownToAll(one.audience, readers),
    );
  const linked = names.slice(1).map(async (name) =>
    // Peers of several channels may be called the same: it is the audience that tells them apart.
    (await storylines.ofPeer({ ...of, peerId: peerIn(name) }, options)).filter((one) =>
      isKnownToAll(one.audience, [name]),
    ),
  );
  const found = (await Promise.all([own(), ...linked])).flat();
  if (names.length <= 1) return found;
  const unique = [...new Map(found.map((one) => [one.id, one])).values()];
  return unique.toSorted((a, b) => b.updatedAt - a.updatedAt);
}

/** What its channel calls somebody whom audiences call `channel/name`. */
function peerIn(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}
