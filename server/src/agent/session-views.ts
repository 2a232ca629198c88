import type {
  Audience,
  CallOptions,
  FilePart,
  Message,
  ModelMessage,
  SessionStore,
  Storyline,
  StorylineStore,
} from "@troupe/contracts";
import { isKnownToAll } from "../kit/index.ts";
import { toModelMessages } from "./to-model.ts";

/** One turn of a conversation as a model sees it. The messages keep their identity, so serialised forms can be cached. */
export interface HistoryTurn {
  readonly turnSeq: number;
  readonly messages: readonly ModelMessage[];
  readonly tokens: number;
}

/** What this process knows of a session, kept between turns and always behind the store, never before it. */
export interface SessionView {
  readonly sessionId: string;
  /** Who reads what is answered from it: what one of them does not know is not in it. */
  readonly readers: Audience;
  /** Of the history as `readers` know it, the oldest turn that there may be. Above `startsAt` where earlier ones are not theirs. */
  readonly knownFrom: number;
  /** Turns before this one are no matter. The first message of a session has number 1, and so has its turn. */
  readonly startsAt: number;
  /** Ended turns, oldest first. Only appended to, after the commit. */
  readonly history: HistoryTurn[];
  /** Sum of their tokens. */
  historyTokens: number;
  /** Index of the first turn that prompts show. Moves only when the window is full, so that the prefix stays stable. */
  shownFrom: number;
  /** What is shown, in one row: a walk over a long history's turns would cost each turn more than the last. */
  shownMessages: ModelMessage[];
  /** Its tokens. */
  shownTokens: number;
  /** Lines of what modules added to the turns that are shown. */
  shownLines: Set<string>;
  /** Every `seq` up to this one belongs to a turn of `history`. */
  seenTo: number;
  /** Known ones above it: replies that were numbered after a message which waited for its own turn. */
  readonly seenAhead: Set<number>;
  storyline: Storyline | undefined;
  turnsSinceSummary: number;
}

export interface SessionViews {
  /** The view as it must be before the turn that begins with `turnSeq`; loaded when it is not known or not current. */
  load(
    session: { readonly id: string; readonly isNew: boolean; readonly audience: Audience },
    turnSeq: number,
    options: CallOptions,
    /** Of a conversation that was handed over: only turns from this one on. Such a view is not kept. */
    startsAt?: number,
  ): Promise<SessionView>;
  /** Adds an ended turn and the numbers of its messages. */
  append(view: SessionView, turn: HistoryTurn, seqs: readonly number[]): void;
  /** What is known without reading; undefined when nothing is. */
  peek(sessionId: string): SessionView | undefined;
  forget(sessionId: string): void;
  readonly stats: { readonly sessions: number; readonly bytes: number };
}

export interface SessionViewsDeps {
  readonly sessions: Pick<SessionStore, "history">;
  readonly storylines: Pick<StorylineStore, "ofSession">;
  readonly estimateTokens: (text: string) => number;
  readonly maxBytes: number;
}

const LOAD_MAX_MESSAGES = 2_000;
const LOAD_MAX_BYTES = 2 * 1024 * 1024;
/** What a token costs in memory, about: four characters, two bytes each, and the objects around them. */
const BYTES_PER_TOKEN = 12;
const BYTES_PER_VIEW = 1_000;

/** A cache of session views, least recently used out first, bounded by bytes and not by count. */
export function createSessionViews(deps: SessionViewsDeps): SessionViews {
  const views = new Map<string, SessionView>();
  let bytes = 0;

  const sizeOf = (view: SessionView): number => BYTES_PER_VIEW + view.historyTokens * BYTES_PER_TOKEN;
  const remove = (view: SessionView): void => {
    if (views.delete(view.sessionId)) bytes -= sizeOf(view);
  };
  const keep = (view: SessionView): void => {
    views.set(view.sessionId, view);
    bytes += sizeOf(view);
    for (const oldest of views.values()) {
      if (bytes <= deps.maxBytes || oldest === view) break;
      remove(oldest);
    }
  };
  return {
    async load(session, turnSeq, options, startsAt) {
      if (startsAt !== undefined) return readView(deps, session, turnSeq, options, startsAt);
      const known = views.get(session.id);
      // Whoever else wrote to the session took a number that this view does not know.
      // A new session may have the id of one that was deleted.
      // Who came since does not know what was said before.
      const isCurrent = known !== undefined && !session.isNew && known.seenTo >= turnSeq - 1;
      if (isCurrent && areSame(known.readers, session.audience)) {
        views.delete(session.id);
        views.set(session.id, known);
        return known;
      }
      if (known !== undefined) remove(known);
      const view = session.isNew ? emptyView(session) : await readView(deps, session, turnSeq, options);
      view.seenTo = turnSeq - 1;
      see(view, []);
      keep(view);
      return view;
    },
    append(view, turn, seqs) {
      const isKept = views.get(view.sessionId) === view;
      const before = sizeOf(view);
      push(view, turn);
      see(view, seqs);
      view.turnsSinceSummary += 1;
      if (isKept) bytes += sizeOf(view) - before;
    },
    peek: (sessionId) => views.get(sessionId),
    forget(sessionId) {
      const view = views.get(sessionId);
      if (view !== undefined) remove(view);
    },
    get stats() {
      return { sessions: views.size, bytes };
    },
  };
}

function areSame(one: Audience, other: Audience): boolean {
  return one === other || (one.length === other.length && one.every((name, at) => name === other[at]));
}

type Known = { readonly id: string; readonly audience: Audience };

function emptyView({ id: sessionId, audience: readers }: Known): SessionView {
  return {
    ...{ sessionId, readers },
    startsAt: 1,
    knownFrom: 1,
    history: [],
    historyTokens: 0,
    shownFrom: 0,
    shownMessages: [],
    shownTokens: 0,
    shownLines: new Set(),
    seenTo: 0,
    seenAhead: new Set(),
    storyline: undefined,
    turnsSinceSummary: 0,
  };
}

/** A view of turns that are known, for a prompt that is made from them alone, as it is before the turn of `turnSeq`. */
export function viewOf(session: Known, turns: readonly HistoryTurn[], turnSeq: number): SessionView {
  const view = emptyView(session);
  for (const turn of turns) push(view, turn);
  view.seenTo = turnSeq - 1;
  return view;
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
  const [all, storyline] = await Promise.all([
    deps.sessions.history(query, options),
    deps.storylines.ofSession(sessionId, options),
  ]);
  const messages = all.filter((message) => message.turnSeq >= startsAt);
  const turns = byTurn(messages);
  const known = turns.filter((turn) => turn.every(({ audience }) => isKnownToAll(audience, readers)));
  const knownFrom = known.length === turns.length ? startsAt : (known[0]?.[0]?.turnSeq ?? turnSeq);
  const view = { ...emptyView(session), startsAt, knownFrom };
  for (const turn of known) push(view, historyTurn(turn, deps.estimateTokens));
  see(
    view,
    messages.filter((message) => message.seq >= turnSeq).map((message) => message.seq),
  );
  view.storyline = storyline;
  const summarised = storyline?.summaryTurnSeq ?? 0;
  view.turnsSinceSummary = view.history.filter((turn) => turn.turnSeq > summarised).length;
  return view;
}

/** Whether something was said before the oldest turn that prompts show: they no longer fit, or were too many to read. */
export function isCut(view: SessionView): boolean {
  const oldest = view.history[view.shownFrom]?.turnSeq ?? view.seenTo + 1;
  return oldest > view.knownFrom;
}

export function historyTurn(
  messages: readonly Message[],
  estimateTokens: (text: string) => number,
): HistoryTurn {
  const shown = toModelMessages(messages);
  return { turnSeq: messages[0]?.turnSeq ?? 0, messages: shown, tokens: tokensOf(shown, estimateTokens) };
}

/** Tokens of messages with what a chat format adds around each. */
export function tokensOf(
  messages: readonly ModelMessage[],
  estimateTokens: (text: string) => number,
): number {
  let tokens = 0;
  for (const message of messages) {
    tokens += 4 + estimateTokens(message.text);
    if (message.role === "assistant")
      for (const call of message.calls) tokens += 8 + estimateTokens(call.arguments);
    else if (message.role === "user" && message.files !== undefined)
      for (const file of message.files) tokens += tokensOfFile(file);
  }
  return tokens;
}

/** What providers count for an image of usual size; a document by its pages, which its size tells roughly. */
const TOKENS_OF_IMAGE = 1_600;
const BYTES_PER_DOCUMENT_TOKEN = 40;
const MAX_TOKENS_OF_FILE = 40_000;

function tokensOfFile({ mediaType, sizeBytes }: FilePart): number {
  if (mediaType.startsWith("image/")) return TOKENS_OF_IMAGE;
  const bytesPerToken = mediaType === "application/pdf" ? BYTES_PER_DOCUMENT_TOKEN : 3.5;
  return Math.min(MAX_TOKENS_OF_FILE, 20 + Math.ceil(sizeBytes / bytesPerToken));
}

function see(view: SessionView, seqs: readonly number[]): void {
  for (const seq of seqs) view.seenAhead.add(seq);
  while (view.seenAhead.delete(view.seenTo + 1)) view.seenTo += 1;
}

function push(view: SessionView, turn: HistoryTurn): void {
  view.history.push(turn);
  view.historyTokens += turn.tokens;
  show(view, turn);
}

/** Shows fewer turns: drops the oldest that are shown until the rest has at most so many tokens. */
export function cutHistory(view: SessionView, tokens: number): void {
  let left = view.shownTokens;
  while (view.shownFrom < view.history.length && left > tokens) {
    left -= view.history[view.shownFrom]?.tokens ?? 0;
    view.shownFrom += 1;
  }
  view.shownTokens = 0;
  view.shownMessages = [];
  view.shownLines = new Set();
  for (const turn of view.history.slice(view.shownFrom)) show(view, turn);
}

function show(view: SessionView, { tokens, messages }: HistoryTurn): void {
  view.shownTokens += tokens;
  view.shownMessages.push(...messages);
  const [first] = messages;
  // Nothing else in a history is a system message.
  if (first?.role === "system") for (const line of first.text.split("\n")) view.shownLines.add(line);
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
