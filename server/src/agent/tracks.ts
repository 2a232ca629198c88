import type { Audience, FilePart, Message, ModelMessage } from "@troupe/contracts";
import { toModelMessages } from "./to-model.ts";

/** One turn of a conversation as a model sees it. The messages keep their identity, so serialised forms can be cached. */
export interface HistoryTurn {
  readonly turnSeq: number;
  readonly messages: readonly ModelMessage[];
  readonly tokens: number;
  /** UTC milliseconds at which it was said; absent where nobody knows. */
  readonly at?: number;
}

/**
 * What prompts show of one storyline in one session: its newest turns as they were said, and in place of those before them
 * a summary. Both change only when turns are let go, so that the prefix of prompts stays the same.
 */
export interface Track {
  /** Undefined: the storyline that the session began with. */
  readonly storylineId: string | undefined;
  title: string;
  /** The turns that are shown, oldest first. */
  readonly turns: HistoryTurn[];
  /** Their messages, in one row: a walk over a long history's turns would cost each turn more than the last. */
  shownMessages: ModelMessage[];
  shownTokens: number;
  /** Lines of what modules added to the turns that are shown. */
  shownLines: Set<string>;
  /** The summary stands for turns up to this one; 0 where there is none. */
  summaryTo: number;
  summary: string;
  /** Who may be told the summary; undefined: whoever may read the conversation. */
  summaryAudience: Audience | undefined;
  /** The message that tells it, once made. */
  summaryMessage: ModelMessage | undefined;
  /** More was said in it than is shown. */
  hasEarlier: boolean;
  /** Whether `summary` has been looked for since turns were let go. */
  isSummaryKnown: boolean;
  turnsSinceSummary: number;
  /** Its history is to be shortened behind a reply; so many more turns look whether that is done. */
  compactionLooks: number;
}

export function createTrack(storylineId: string | undefined, title = ""): Track {
  return {
    ...{ storylineId, title, turns: [], shownMessages: [], shownTokens: 0, shownLines: new Set<string>() },
    ...{ summaryTo: 0, summary: "", summaryAudience: undefined, summaryMessage: undefined },
    ...{ hasEarlier: false, isSummaryKnown: true },
    ...{ turnsSinceSummary: 0, compactionLooks: 0 },
  };
}

/** The newest turns are shown as they were said while the model's window holds them, however long they are. */
export const KEPT_TURNS = 2;

/** Oldest turn that prompts show; the newest possible number when none is. */
export function shownFromOf({ turns }: Track): number {
  return turns[0]?.turnSeq ?? Number.MAX_SAFE_INTEGER;
}

export function pushTurn(track: Track, turn: HistoryTurn): void {
  track.turns.push(turn);
  show(track, turn);
}

/** Lets the oldest turns go until the rest has at most so many tokens, or is so few turns. */
export function letGo(track: Track, tokens: number, leastTurns: number): void {
  let left = track.shownTokens;
  let count = 0;
  while (count < track.turns.length - leastTurns && left > tokens) {
    left -= track.turns[count]?.tokens ?? 0;
    count += 1;
  }
  drop(track, count);
}

/** Shows a summary in place of the turns up to `toTurnSeq`. One that tells of less than what stands there is passed over. */
export function compact(
  track: Track,
  summary: { readonly text: string; readonly audience: Audience },
  toTurnSeq: number,
): void {
  if (toTurnSeq <= track.summaryTo) return;
  track.summary = summary.text;
  track.summaryAudience = summary.audience;
  track.summaryTo = toTurnSeq;
  const kept = track.turns.findIndex(({ turnSeq }) => turnSeq > toTurnSeq);
  drop(track, kept < 0 ? track.turns.length : kept);
  track.hasEarlier = true;
  track.isSummaryKnown = true;
}

function drop(track: Track, count: number): void {
  if (count === 0) return;
  track.hasEarlier = true;
  track.isSummaryKnown = false;
  track.turns.splice(0, count);
  track.shownTokens = 0;
  track.shownMessages = [];
  track.shownLines = new Set();
  for (const turn of track.turns) show(track, turn);
}

function show(track: Track, { tokens, messages }: HistoryTurn): void {
  track.shownTokens += tokens;
  track.shownMessages.push(...messages);
  const [first] = messages;
  // Nothing else in a history is a system message.
  if (first?.role === "system") for (const line of first.text.split("\n")) track.shownLines.add(line);
}

export function historyTurn(
  messages: readonly Message[],
  estimateTokens: (text: string) => number,
): HistoryTurn {
  const shown = toModelMessages(messages);
  const [first] = messages;
  return {
    turnSeq: first?.turnSeq ?? 0,
    messages: shown,
    tokens: tokensOf(shown, estimateTokens),
    ...(first === undefined ? {} : { at: first.createdAt }),
  };
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
