import type {
  Audience,
  CallOptions,
  MemoryStore,
  Message,
  SearchStore,
  SessionStore,
  SourceReference,
  Tool,
  ToolContext,
  ToolOutput,
  Turn,
  TurnStore,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { isKnownToAll, withAuthor } from "../../kit/index.ts";
import { dayText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { findMemories } from "./find-memories.ts";
import { memoryLine } from "./forget.ts";
import { lineOf, shortened } from "./lines.ts";

/** Of so many newest turns one is the last answer; a conversation of nothing but failures has none. */
const LOOKED_AT = 50;
const MAX_MESSAGES = 50;
const MAX_BYTES = 256 * 1024;
const SHOWN = 8;
const MAX_ANSWER_CHARACTERS = 160;
const MOST_EXPLAINED = 3;
const NAME = "why";

export interface WhyDeps {
  readonly turns: Pick<TurnStore, "list">;
  readonly sessions: Pick<SessionStore, "history" | "find">;
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list">;
  readonly search: Pick<SearchStore, "search">;
}

/**
 * Tells where the conversation's last answer came from: the message that it answers, what recall and tools showed for it,
 * with dates; or of memories, by their words or sign, the messages that told them. Everything is read anew, so that nothing is shown that was forgotten since, or that a reader of now does not
 * know.
 */
export function whyTool(deps: WhyDeps): Tool {
  return {
    spec: {
      name: NAME,
      description: "Tells people where the last answer came from, or something that is remembered.",
      kind: "pure",
      inputSchema: objectOf({
        about: { type: "string", maxLength: 500, description: "Words of a memory, or its sign." },
      }),
    },
    async run(input, context, options) {
      const { about } = input as { about?: string };
      if (about !== undefined) return await whyRemembered(deps, about, context, options);
      const turn = await lastAnswered(deps, context, options);
      if (turn === undefined) return { text: tell(context.language, "why.none") };
      const history = await deps.sessions.history(
        {
          sessionId: turn.sessionId,
          beforeTurnSeq: turn.turnSeq + 1,
          maxMessages: MAX_MESSAGES,
          maxBytes: MAX_BYTES,
        },
        options,
      );
      const said = history.filter(({ audience }) => isKnownToAll(audience, context.audience));
      const own = said.filter((message) => message.turnId === turn.id);
      const lines = [
        ...answerLines(own, context),
        ...(await sourceLines(deps, turn, context, options)),
        ...wayLines(turn, own, said.length > own.length, context),
      ];
      return { text: lines.length === 0 ? tell(context.language, "why.gone") : lines.join("\n") };
    },
  };
}

/** Each memory that is meant, with what told it. */
async function whyRemembered(
  deps: WhyDeps,
  about: string,
  context: ToolContext,
  options: CallOptions,
): Promise<ToolOutput> {
  const { spaceId, audience: readers, language } = context;
  const found = (await findMemories(deps, about.trim(), context, options)).slice(0, MOST_EXPLAINED);
  if (found.length === 0) return { text: tell(language, "recall.nothing") };
  const references = unique(found.flatMap(({ sources }) => sources));
  const lineById = await currentLines(deps, references, { spaceId, readers, language }, options);
  const lines = found.flatMap((memory) => {
    const told = memory.sources.flatMap(({ id }) => lineById.get(id) ?? []).slice(0, SHOWN);
    const date = dayText(memory.recordedAt);
    return [
      memoryLine(memory, language),
      ...(told.length === 0
        ? [tell(language, "why.toldOn", { date })]
        : [tell(language, "why.told"), ...told.map((line) => `  ${line}`)]),
      ...(memory.proofCount > 1 ? [tell(language, "why.proofs", { count: memory.proofCount })] : []),
    ];
  });
  return { text: lines.join("\n"), sources: found.map(({ id }) => ({ kind: "memory", id })) };
}

/** The newest turn before this one that was answered and did not ask why itself. */
async function lastAnswered(
  { turns }: WhyDeps,
  { spaceId, sessionId, turnSeq }: ToolContext,
  options: CallOptions,
): Promise<Turn | undefined> {
  const { items } = await turns.list({ spaceId, sessionId, states: ["replied"], limit: LOOKED_AT }, options);
  return items.find((turn) => turn.turnSeq < turnSeq && turn.payload.direct?.tool !== NAME);
}

function answerLines(own: readonly Message[], { language }: ToolContext): readonly string[] {
  const answer = own.find(({ role }) => role === "assistant");
  const text = answer === undefined ? "" : textOf(answer.parts);
  const date = dayText(answer?.createdAt ?? 0);
  const head =
    text === "" ? [] : [tell(language, "why.answer", { date, text: shortened(text, MAX_ANSWER_CHARACTERS) })];
  const asked = own
    .filter(({ role }) => role === "user")
    .map((message) => `  ${messageLine(message, language)}`);
  return asked.length === 0 ? head : [...head, tell(language, "why.asked"), ...asked];
}

/** What recall and tools showed, as it is kept by now. */
async function sourceLines(
  deps: WhyDeps,
  { trace }: Turn,
  { spaceId, audience: readers, language }: ToolContext,
  options: CallOptions,
): Promise<readonly string[]> {
  const references = unique(trace.flatMap(({ sources = [] }) => sources));
  if (references.length === 0) return [];
  const lineById = await currentLines(deps, references, { spaceId, readers, language }, options);
  const lines = references.flatMap(({ id }) => lineById.get(id) ?? []).slice(0, SHOWN);
  if (lines.length === 0) return [tell(language, "why.gone")];
  return [tell(language, "why.shown"), ...lines.map((line) => `  ${line}`)];
}

/** What is referred to, as it is kept by now and may be told, a line each. */
export async function currentLines(
  {
    sessions,
    memories,
  }: { readonly sessions: Pick<SessionStore, "find">; readonly memories: Pick<MemoryStore, "find"> },
  references: readonly SourceReference[],
  { spaceId, readers, language }: { spaceId: string; readers: Audience; language: string },
  options: CallOptions,
): Promise<ReadonlyMap<string, string>> {
  const ids = references.flatMap((one) => (one.kind === "memory" ? [one.id] : []));
  const [said, remembered] = await Promise.all([
    sessions.find(
      { spaceId, readers, references: references.filter((one) => one.kind === "message") },
      options,
    ),
    memories.find({ spaceId, readers, ids }, options),
  ]);
  return new Map([
    ...said.map((message) => [message.id, messageLine(message, language)] as const),
    ...remembered.map((memory) => {
      const line = lineOf({ ...memory, role: "memory", createdAt: memory.recordedAt }, language);
      return [memory.id, line] as const;
    }),
  ]);
}

function unique(references: readonly SourceReference[]): readonly SourceReference[] {
  return [...new Map(references.map((one) => [one.id, one])).values()];
}

function messageLine({ role, createdAt, parts, author }: Message, language: string): string {
  return lineOf({ role, createdAt, text: withAuthor(textOf(parts), author) }, language);
}

/** How it was made beside that: a tool alone, the tools that a model called, the conversation before it. */
function wayLines(
  turn: Turn,
  own: readonly Message[],
  hasEarlier: boolean,
  { language }: ToolContext,
): readonly string[] {
  const { direct } = turn.payload;
  if (direct !== undefined) return [tell(language, "why.direct", { tool: direct.tool })];
  const calls = own.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool-call" ? [part.name] : [])),
  );
  const tools = [...new Set(calls)].join(", ");
  return [
    ...(tools === "" ? [] : [tell(language, "why.tools", { tools })]),
    ...(hasEarlier ? [tell(language, "why.conversation")] : []),
  ];
}
