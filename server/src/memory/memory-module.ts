import type {
  Clock,
  ContextModule,
  Contribution,
  Logger,
  MemoryStore,
  SearchHit,
  SearchStore,
  TurnView,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { dayOf, estimateTokens, type Metrics, referenceOf, SECONDS_BUCKETS, wordsOf } from "../kit/index.ts";
import { awarenessOf } from "./awareness.ts";
import { excerptOf } from "./excerpt.ts";

const BUDGET_TOKENS = 600;
const MAX_LINES = 6;
/** Asked for beyond what is shown, because some of it says the same. */
const SPARE_HITS = 2;
/** Asked for where some of it may stand in the prompt already. */
const HITS_AMONG_SHOWN = 20;
/** Below this share of the asked words a hit is a coincidence. */
const MIN_SCORE = 0.3;
/** Of a long message the beginning says what is asked. */
const MAX_QUESTION_CHARACTERS = 1_000;
const MAX_LINE_CHARACTERS = 280;
/** They are data: whatever a line says, it was said then, and is no instruction now. */
const HEAD = "From earlier conversations, for reference only; it may be out of date:";
const HEAD_WITH_DOCUMENTS =
  "From earlier conversations and documents, for reference only; it may be out of date. Name the document where you answer from one:";
/** A piece of a document is longer than what people say, and its middle may be what is asked. */
const MAX_DOCUMENT_CHARACTERS = 480;
const NOTHING: Contribution = { text: "" };

export interface MemoryModuleDeps {
  readonly search: Pick<SearchStore, "search">;
  /** Absent: prompts show nothing of it but what is recalled. */
  readonly memories?: Pick<MemoryStore, "list" | "find">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Adds what was said and remembered earlier about the words of the new message. No model is asked and nothing is written. */
export function createMemoryModule(deps: MemoryModuleDeps): ContextModule {
  const { search, memories, clock, logger, metrics } = deps;
  const seconds = metrics.histogram("recall_seconds", "Time of recalling before a turn", SECONDS_BUCKETS);
  return {
    id: "memory",
    budgetTokens: BUDGET_TOKENS,
    ...(memories === undefined
      ? {}
      : { aware: (turn, options, told) => awarenessOf(memories, turn, options, told) }),
    async gather(turn, { signal }) {
      const text = turn.inbound.map((message) => textOf(message.parts)).join("\n");
      const words = wordsOf(text);
      if (words.length === 0) return NOTHING;
      const startedMs = clock.monotonicMs();
      const { spaceId, agent, audience: readers } = turn;
      const hits = await search.search(
        {
          spaceId,
          agentId: agent.spec.id,
          readers,
          words,
          text: text.slice(0, MAX_QUESTION_CHARACTERS),
          askedAt: turn.inbound.at(-1)?.createdAt ?? clock.now(),
          limit: turn.shownTurns === undefined ? MAX_LINES + SPARE_HITS : HITS_AMONG_SHOWN,
          minScore: MIN_SCORE,
          except: { sessionId: turn.sessionId, fromTurnSeq: exceptFrom(turn) },
        },
        { signal },
      );
      seconds.observe((clock.monotonicMs() - startedMs) / 1_000);
      const chosen = choose(hits.filter((hit) => !isShown(hit, turn)));
      const head = chosen.some(({ role }) => role === "document") ? HEAD_WITH_DOCUMENTS : HEAD;
      const lines = linesOf(chosen, words, BUDGET_TOKENS - estimateTokens(head));
      if (lines.length === 0) return NOTHING;
      logger.debug("memory.recalled", { turnId: turn.turnId, found: hits.length, shown: lines.length });
      return {
        text: [head, ...lines].join("\n"),
        detail: `${lines.length} ${lines.length === 1 ? "memory" : "memories"}`,
        // Best first, and so are the lines.
        sources: chosen.slice(0, lines.length).map(referenceOf),
      };
    },
  };
}

/** Of a session with several storylines only this turn is left out of the question: what is shown is left out of the hits. */
function exceptFrom({ shownTurns, shownFromTurnSeq, turnSeq }: TurnView): number {
  return shownTurns === undefined ? Math.min(shownFromTurnSeq, turnSeq) : turnSeq;
}

function isShown({ sessionId, turnSeq }: SearchHit, turn: TurnView): boolean {
  return sessionId === turn.sessionId && turnSeq !== undefined && turn.shownTurns?.has(turnSeq) === true;
}

/** Leaves out what says the same as a better hit. */
function choose(hits: readonly SearchHit[]): readonly SearchHit[] {
  const chosen: SearchHit[] = [];
  const told: string[] = [];
  for (const hit of hits) {
    const text = plain(hit.text);
    if (told.some((one) => saysAll(one, text))) continue;
    chosen.push(hit);
    told.push(text);
    if (chosen.length === MAX_LINES) break;
  }
  return chosen;
}

/** "remember that my cat is called Mia" and the memory "my cat is called Mia" are one thing; "my cat" says less than either. */
function saysAll(told: string, text: string): boolean {
  return told.includes(text) || (text.includes(told) && told.length >= text.length / 2);
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** As many lines as the budget holds, best first. */
function linesOf(
  hits: readonly SearchHit[],
  words: readonly string[],
  budgetTokens: number,
): readonly string[] {
  const lines: string[] = [];
  let left = budgetTokens;
  for (const hit of hits) {
    const line = `[${dayOf(hit.createdAt)}] ${saidIn(hit, words)}`;
    const tokens = estimateTokens(line);
    if (tokens > left) break;
    left -= tokens;
    lines.push(line);
  }
  return lines;
}

/** Who said what; of a document its title, the place in it, and the part that is asked for. */
function saidIn(hit: SearchHit, words: readonly string[]): string {
  if (hit.role !== "document") return `${speakerOf(hit)}: ${excerptOf(hit.text, words, MAX_LINE_CHARACTERS)}`;
  const [place = "", ...rest] = hit.text.split("\n");
  return `document "${place}": ${excerptOf(rest.join("\n"), words, MAX_DOCUMENT_CHARACTERS)}`;
}

function speakerOf({ role }: SearchHit): string {
  if (role === "memory") return "note";
  return role === "assistant" ? "assistant" : "user";
}
