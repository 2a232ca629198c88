import type {
  CallOptions,
  Logger,
  OpenStoryline,
  PlaceChoice,
  PlacedHow,
  Placement,
  PlaceQuery,
  Placer,
  StorylineStore,
} from "@troupe/contracts";
import { derivedId, type Metrics, titleOf } from "../../kit/index.ts";
import type { PersonBook } from "../people/index.ts";
import { decide } from "./chances.ts";
import { addTurn, type KnownLine, type KnownSession, plainlyGoesOn, readLine, readPart } from "./lines.ts";
import { loadMeaning, type MeaningOf } from "./meaning.ts";
import { sharedOf } from "./rarity.ts";
import { namesOf, readOthers, readSession } from "./read-session.ts";
import { createStorylineScorer, type StorylineScorer } from "./scorer.ts";

export interface PlacerDeps {
  readonly storylines: Pick<StorylineStore, "ofPeer" | "placedIn">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Absent: nobody has several names. */
  readonly people?: Pick<PersonBook, "namesOf">;
  /** Default: by the word vectors that ship with Troupe, read for the placer alone. */
  readonly meaning?: () => Promise<MeaningOf>;
}

/** Sessions whose storylines are kept between turns; others are read anew. */
const KEPT_SESSIONS = 200;
/** Rare words that a message must share with one of those: every conversation begins with a greeting. */
const LEAST_SHARED = 1.5;

/** Places turns by arithmetic; see `docs/decisions/0033-storylines.md`. Holds what it needs of the last sessions, nothing at first. */
export function createPlacer(deps: PlacerDeps): Placer & { readonly forgetAll: () => void } {
  const known = new Map<string, KnownSession>();
  const placed = deps.metrics.counter("storyline_placements_total", "Turns by how they were placed");
  const tools = createTools(deps);

  const keep = (sessionId: string, session: KnownSession): void => {
    known.delete(sessionId);
    known.set(sessionId, session);
    for (const oldest of known.keys()) {
      if (known.size <= KEPT_SESSIONS) break;
      known.delete(oldest);
    }
  };
  const count = (placement: Placement): Placement => {
    placed.add(1, { how: placement.how, unsure: placement.otherwise === undefined ? "no" : "yes" });
    return placement;
  };

  const placeFor = (
    names: readonly string[],
    query: PlaceQuery,
    options: CallOptions,
  ): Placement | Promise<Placement> => {
    const session = known.get(query.sessionId);
    if (session !== undefined && isCurrent(session, query, names) && !session.isBehind)
      return weigh(session, query, tools);
    return (async () => {
      const isKept = session !== undefined && isCurrent(session, query, names);
      const read = isKept ? session : await readSession(deps.storylines, names, query, options);
      if (isKept) await readOthers(deps.storylines, read, query, options);
      else keep(query.sessionId, read);
      return weigh(read, query, tools);
    })();
  };

  return {
    place(query, options) {
      const names = namesOf(deps.people, query, options);
      const placement =
        names instanceof Promise
          ? names.then((found) => placeFor(found, query, options))
          : placeFor(names, query, options);
      return placement instanceof Promise ? placement.then(count) : count(placement);
    },
    ended({ sessionId, turnSeq, placement, texts, at }) {
      const session = known.get(sessionId);
      if (session === undefined) return;
      addTurn(
        session,
        placement,
        texts.filter((text) => text !== ""),
      );
      session.lastTurnSeq = turnSeq;
      session.lastAt = at;
      keep(sessionId, session);
      if (placement.how === "begun") tellOthers(session, known);
    },
    open(sessionId) {
      const session = known.get(sessionId);
      return session === undefined ? [] : ordered(session).map((line) => shown(line, session));
    },
    find(sessionId, wish) {
      const session = known.get(sessionId);
      const line = session === undefined ? undefined : chosenLine(session, wish);
      return session === undefined || line === undefined ? undefined : shown(line, session);
    },
    forget: (sessionId) => void known.delete(sessionId),
    forgetAll: () => known.clear(),
  };
}

function isCurrent(
  { readers, names, lastTurnSeq }: KnownSession,
  query: PlaceQuery,
  namesNow: readonly string[],
): boolean {
  return lastTurnSeq === query.previousTurnSeq && areSame(readers, query.readers) && areSame(names, namesNow);
}

/** What began in one session may be resumed where the same people talk too. */
function tellOthers(session: KnownSession, known: ReadonlyMap<string, KnownSession>): void {
  const { readers, names } = session;
  for (const other of known.values())
    if (other !== session && other.readers.some((name) => readers.includes(name) || names.includes(name)))
      other.isBehind = true;
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}

function shown({ id, title, elsewhere }: KnownLine, { current }: KnownSession): OpenStoryline {
  return { id, title, isCurrent: id === current, isElsewhere: elsewhere !== undefined };
}

interface Tools {
  readonly scorer: StorylineScorer;
  readonly meaningOf: MeaningOf | undefined;
}

interface LoadingTools {
  ready(): Tools | undefined;
  load(): Promise<Tools>;
}

/** Made when the first turn asks for it. Without word vectors it goes on by words alone, and the log says why. */
function createTools({ meaning = loadMeaning, logger }: PlacerDeps): LoadingTools {
  let made: Tools | undefined;
  let making: Promise<Tools> | undefined;
  return {
    ready: () => made,
    load() {
      making ??= meaning()
        .catch((error: unknown) => {
          logger.warn("storyline.no_meaning", { error });
          return undefined;
        })
        .then((meaningOf) => {
          made = { scorer: createStorylineScorer(), meaningOf };
          return made;
        });
      return making;
    },
  };
}

function weigh(
  session: KnownSession,
  query: PlaceQuery,
  tools: LoadingTools,
): Placement | Promise<Placement> {
  const placement = placeUnweighed(session, query);
  if (placement !== undefined) return placement;
  const ready = tools.ready();
  if (ready !== undefined) return placeIn(session, query, ready);
  return tools.load().then((loaded) => placeIn(session, query, loaded));
}

/** Most turns: somebody chose, nothing is said, nothing else is open, or the message plainly goes on. */
function placeUnweighed(session: KnownSession, query: PlaceQuery): Placement | undefined {
  if (query.chosen !== undefined) {
    const chosen = chosenLine(session, query.chosen);
    if (chosen !== undefined) return { ...choiceOf(session, chosen, "chosen"), sideIds: [] };
  }
  const here = session.lines.find(({ id }) => id === session.current);
  if (session.lines.length === 0) return { ...homeOf(query), sideIds: [] };
  if (query.isSilent || query.text.trim() === "")
    return { ...(here === undefined ? homeOf(query) : choiceOf(session, here, "continued")), sideIds: [] };
  const isAlone =
    here !== undefined && session.lines.every((line) => line === here || line.elsewhere !== undefined);
  return isAlone && plainlyGoesOn(query.text, here)
    ? { ...choiceOf(session, here, "continued"), sideIds: [] }
    : undefined;
}

function placeIn(session: KnownSession, query: PlaceQuery, { scorer, meaningOf }: Tools): Placement {
  for (const line of session.lines) readLine(line, meaningOf);
  const here = session.lines.find(({ id }) => id === session.current);
  const said = readPart(query.text, meaningOf);
  const lines = session.lines.filter(
    ({ elsewhere, stems }) => elsewhere === undefined || sharedOf(said.stems, stems).sum >= LEAST_SHARED,
  );
  if (lines.length === 0) return { ...homeOf(query), sideIds: [] };
  const current = here === undefined ? -1 : lines.indexOf(here);
  const shares = scorer.placeShares(said, lines, current);
  const { choice, sides, unsure } = decide(shares, {
    current,
    pauseMs: session.lastAt === undefined ? 0 : query.at - session.lastAt,
    elsewhere: lines.map(({ elsewhere }) => elsewhere !== undefined),
  });
  const at = (index: number): PlaceChoice => {
    const line = lines[index];
    if (line === undefined) return current < 0 ? homeOf(query) : begunBy(query);
    return choiceOf(session, line, index === current ? "continued" : "resumed");
  };
  return {
    ...at(choice),
    sideIds: sides.map((side) => (lines[side] as KnownLine).id),
    ...(unsure.length === 0 ? {} : { otherwise: namedChoices(unsure.map(at)) }),
  };
}

/** The session's first storyline; its id is the same for whoever asks. */
function homeOf({ home, text }: PlaceQuery): PlaceChoice {
  return { id: home.id, title: home.title === "" ? titleOf(text) : home.title, how: "begun", note: "" };
}

function begunBy({ turnId, text }: PlaceQuery): PlaceChoice {
  return { id: derivedId("storyline", turnId), title: titleOf(text), how: "begun", note: "" };
}

function choiceOf(
  { names }: KnownSession,
  { id, title, elsewhere, isOfAnotherName }: KnownLine,
  how: PlacedHow,
): PlaceChoice {
  const note =
    elsewhere === undefined
      ? ""
      : [`This goes on with an earlier storyline, "${title}".`, elsewhere].join("\n");
  return {
    ...{ id, title, how, note: note.trim() },
    ...(isOfAnotherName ? { isOfAnotherName } : {}),
    ...(names.length > 1 ? { names } : {}),
  };
}

function namedChoices(choices: readonly PlaceChoice[]): Record<string, PlaceChoice> {
  return Object.fromEntries(
    choices.map((choice, at) => [choice.how === "begun" ? "new" : `${at + 1} ${choice.title}`, choice]),
  );
}

/** The current one first, then those that were talked of last. */
function ordered({ lines, current }: KnownSession): readonly KnownLine[] {
  return lines.toSorted((left, right) =>
    left.id === current ? -1 : right.id === current ? 1 : left.ago - right.ago,
  );
}

/** By its number in the list, its id, or words that only its title has. */
function chosenLine(session: KnownSession, wish: string): KnownLine | undefined {
  const lines = ordered(session);
  const byNumber = /^\d{1,2}$/.test(wish) ? lines[Number(wish) - 1] : undefined;
  const named = lines.filter(({ title }) => title.toLowerCase().includes(wish.toLowerCase()));
  return byNumber ?? lines.find(({ id }) => id === wish) ?? (named.length === 1 ? named[0] : undefined);
}
