import type {
  Audience,
  CallOptions,
  Message,
  SessionStore,
  Storyline,
  StorylineStore,
} from "@troupe/contracts";
import { isKnownToAll } from "../kit/index.ts";
import { type Awareness, awarenessIn } from "./aware-text.ts";
import { compact, createTrack, type HistoryTurn, historyTurn, pushTurn, type Track } from "./tracks.ts";

/** What this process knows of a session, kept between turns and always behind the store, never before it. */
export interface SessionView {
  readonly sessionId: string;
  /** Who reads what is answered from it: what one of them does not know is not in it. */
  readonly readers: Audience;
  /** Turns before this one are no matter. The first message of a session has number 1, and so has its turn. */
  readonly startsAt: number;
  /** By the id of their storyline; that of the one which the session began with is `HOME`. */
  readonly tracks: Map<string, Track>;
  /** The newest turns of all tracks, oldest first: what was said just now, and to what it belongs. */
  readonly recent: RecentTurn[];
  /** Every `seq` up to this one belongs to a turn that is known. */
  seenTo: number;
  /** Known ones above it: replies that were numbered after a message which waited for its own turn. */
  readonly seenAhead: Set<number>;
  storyline: Storyline | undefined;
  /** Undefined: nobody asked for it yet, or it is to be made anew. */
  awareness: Awareness | undefined;
}

/** An ended turn and the key of its track. */
export interface RecentTurn {
  readonly key: string;
  readonly turn: HistoryTurn;
}

/** Key of the track of the storyline that a session began with. */
export const HOME: string = "";

export interface SessionViews {
  /** The view as it must be before the turn that begins with `turnSeq`; loaded when it is not known or not current. */
  load(
    session: { readonly id: string; readonly isNew: boolean; readonly audience: Audience },
    turnSeq: number,
    options: CallOptions,
    /** Of a conversation that was handed over: only turns from this one on. Such a view is not kept. */
    startsAt?: number,
  ): Promise<SessionView>;
  /** Adds an ended turn to its track, and the numbers of its messages. */
  append(view: SessionView, key: string, turn: HistoryTurn, seqs: readonly number[]): void;
  /** What is known without reading; undefined when nothing is. */
  peek(sessionId: string): SessionView | undefined;
  forget(sessionId: string): void;
  forgetAll(): void;
  /** What modules know of those they talk with may be otherwise now: it is looked at before the next turn of each. */
  doubtAll(): void;
  readonly stats: { readonly sessions: number; readonly bytes: number };
}

export interface SessionViewsDeps {
  readonly sessions: Pick<SessionStore, "history">;
  readonly storylines: Pick<StorylineStore, "ofSession" | "placedIn" | "compactions">;
  readonly estimateTokens: (text: string) => number;
  readonly maxBytes: number;
}

const LOAD_MAX_MESSAGES = 2_000;
const LOAD_MAX_BYTES = 2 * 1024 * 1024;
/** What a token costs in memory, about: four characters, two bytes each, and the objects around them. */
const BYTES_PER_TOKEN = 12;
const BYTES_PER_VIEW = 1_000;
/**
 * Of one conversation. Prompts let go of the storyline that they show, and not of the others, so one that is never idle would grow for
 * as long as the process lives. Read anew it takes less than half of this.
 */
const MOST_VIEW_BYTES = 16 * 1024 * 1024;
/** Turns of whatever storyline that are at hand beside those of the tracks. */
const RECENT_TURNS = 16;

interface Held {
  readonly view: SessionView;
  bytes: number;
}

/** A cache of session views, least recently used out first, bounded by bytes and not by count. */
export function createSessionViews(deps: SessionViewsDeps): SessionViews {
  const views = new Map<string, Held>();
  let bytes = 0;

  const remove = (sessionId: string): void => {
    bytes -= views.get(sessionId)?.bytes ?? 0;
    views.delete(sessionId);
  };
  const keep = (view: SessionView): void => {
    const held = { view, bytes: sizeOf(view) };
    views.set(view.sessionId, held);
    bytes += held.bytes;
    makeRoom(held);
  };
  /** Conversations grow with each turn, so it is not enough to look where one is read. */
  const makeRoom = (used: Held): void => {
    if (bytes <= deps.maxBytes) return;
    for (const [sessionId, oldest] of views) {
      if (oldest !== used) remove(sessionId);
      if (bytes <= deps.maxBytes) return;
    }
  };
  return {
    async load(session, turnSeq, options, startsAt) {
      if (startsAt !== undefined) return readView(deps, session, turnSeq, options, startsAt);
      const known = views.get(session.id);
      // Whoever else wrote to the session took a number that this view does not know.
      // A new session may have the id of one that was deleted.
      // Who came since does not know what was said before.
      const isCurrent = known !== undefined && !session.isNew && known.view.seenTo >= turnSeq - 1;
      if (isCurrent && areSame(known.view.readers, session.audience)) {
        views.delete(session.id);
        views.set(session.id, known);
        return known.view;
      }
      if (known !== undefined) remove(session.id);
      const view = session.isNew ? emptyView(session) : await readView(deps, session, turnSeq, options);
      view.seenTo = turnSeq - 1;
      see(view, []);
      keep(view);
      return view;
    },
    append(view, key, turn, seqs) {
      push(view, key, turn);
      see(view, seqs);
      if (turn.messages.length > 0) trackOf(view, key).turnsSinceSummary += 1;
      const held = views.get(view.sessionId);
      if (held?.view !== view) return;
      const before = held.bytes;
      held.bytes = sizeOf(view);
      bytes += held.bytes - before;
      if (held.bytes > MOST_VIEW_BYTES) return remove(view.sessionId);
      views.delete(view.sessionId);
      views.set(view.sessionId, held);
      makeRoom(held);
    },
    peek: (sessionId) => views.get(sessionId)?.view,
    forget: remove,
    forgetAll() {
      views.clear();
      bytes = 0;
    },
    doubtAll() {
      for (const { view } of views.values()) doubt(view);
    },
    get stats() {
      return { sessions: views.size, bytes };
    },
  };
}

/** Prompts let turns go, so it may be less than before. */
function sizeOf({ tracks }: SessionView): number {
  let tokens = 0;
  for (const track of tracks.values()) tokens += track.shownTokens;
  return BYTES_PER_VIEW * tracks.size + tokens * BYTES_PER_TOKEN;
}

function areSame(one: Audience, other: Audience): boolean {
  return one === other || (one.length === other.length && one.every((name, at) => name === other[at]));
}

type Known = { readonly id: string; readonly audience: Audience };

function emptyView({ id: sessionId, audience: readers }: Known): SessionView {
  return {
    ...{ sessionId, readers },
    startsAt: 1,
    tracks: new Map([[HOME, createTrack(undefined)]]),
    recent: [],
    seenTo: 0,
    seenAhead: new Set(),
    storyline: undefined,
    awareness: undefined,
  };
}

/** A view of turns that are known, for a prompt that is made from them alone, as it is before the turn of `turnSeq`. */
export function viewOf(
  session: Known,
  turns: readonly HistoryTurn[],
  turnSeq: number,
  shown: { readonly summary: string; readonly awareness: string },
): SessionView {
  const { summary, awareness } = shown;
  const view = emptyView(session);
  for (const turn of turns) push(view, HOME, turn);
  Object.assign(trackOf(view, HOME), { summary, hasEarlier: summary !== "" });
  if (awareness !== "") view.awareness = awarenessIn(awareness, [], Number.MAX_SAFE_INTEGER);
  view.seenTo = turnSeq - 1;
  return view;
}

/** The track of that key; an empty one where nothing was said in it. */
export function trackOf(view: SessionView, key: string, title = ""): Track {
  let track = view.tracks.get(key);
  if (track === undefined) {
    track = createTrack(key, title);
    view.tracks.set(key, track);
  }
  return track;
}

/** Asks the modules before the next turn whether what they said still stands. */
export function doubt(view: SessionView): void {
  if (view.awareness !== undefined) view.awareness = { ...view.awareness, mayBeStale: true };
}

/** The track that the last turn belonged to. */
export function currentKey({ recent }: SessionView): string {
  return recent.at(-1)?.key ?? HOME;
}

async function readView(
  deps: SessionViewsDeps,
  session: Known,
  turnSeq: number,
  options: CallOptions,
  startsAt = 1,
): Promise<SessionView> {
  const { id: sessionId, audience: readers } = session;
  const query = {
    sessionId,
    beforeTurnSeq: turnSeq,
    maxMessages: LOAD_MAX_MESSAGES,
    maxBytes: LOAD_MAX_BYTES,
  };
  const [all, storyline, placed, compactions] = await Promise.all([
    deps.sessions.history(query, options),
    deps.storylines.ofSession(sessionId, options),
    // Of a conversation that was handed over its agent sees one row of turns, without what was said of those before.
    startsAt === 1 ? deps.storylines.placedIn(sessionId, 1, options) : [],
    startsAt === 1 ? deps.storylines.compactions(sessionId, options) : [],
  ]);
  const messages = all.filter((message) => message.turnSeq >= startsAt);
  const turns = byTurn(messages);
  const isKnown = ({ audience }: { readonly audience: Audience }): boolean => isKnownToAll(audience, readers);
  const known = turns.filter((turn) => turn.every(isKnown));
  const view = { ...emptyView(session), startsAt };
  view.storyline = storyline;
  const keyOf = (id: string): string => (id === storyline?.id ? HOME : id);
  const placedBySeq = new Map(placed.map((one) => [one.turnSeq, one]));
  for (const turn of known) {
    const ended = historyTurn(turn, deps.estimateTokens);
    const where = placedBySeq.get(ended.turnSeq);
    const title = where !== undefined && isKnown(where) ? where.title : "";
    push(view, where === undefined ? HOME : keyOf(where.storylineId), ended, title);
  }
  // Where earlier turns are not theirs, there is nothing to tell them of.
  const isPart = known.length === turns.length && (messages[0]?.turnSeq ?? turnSeq) > startsAt;
  for (const [key, track] of view.tracks) {
    track.hasEarlier = isPart;
    track.isSummaryKnown = !isPart;
    const summarised = key === HOME ? (storyline?.summaryTurnSeq ?? 0) : 0;
    track.turnsSinceSummary = track.turns.filter((turn) => turn.turnSeq > summarised).length;
  }
  for (const one of compactions.filter(isKnown)) {
    const summary = { text: one.summary, audience: one.audience };
    compact(trackOf(view, keyOf(one.storylineId)), summary, one.uptoTurnSeq);
  }
  see(
    view,
    messages.filter((message) => message.seq >= turnSeq).map((message) => message.seq),
  );
  return view;
}

function see(view: SessionView, seqs: readonly number[]): void {
  for (const seq of seqs) view.seenAhead.add(seq);
  while (view.seenAhead.delete(view.seenTo + 1)) view.seenTo += 1;
}

function push(view: SessionView, key: string, turn: HistoryTurn, title?: string): void {
  // Nothing of it is shown, and of agents that look around by themselves there are thousands.
  if (turn.messages.length === 0) return;
  pushTurn(trackOf(view, key, title), turn);
  view.recent.push({ key, turn });
  if (view.recent.length > RECENT_TURNS) view.recent.shift();
}

function byTurn(messages: readonly Message[]): Message[][] {
  const turns: Message[][] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last?.[0]?.turnSeq === message.turnSeq) last.push(message);
    else turns.push([message]);
  }
  return turns;
}
