import type {
  CallOptions,
  MemoryStore,
  Message,
  SessionStore,
  SourceReference,
  Tool,
  ToolContext,
  Turn,
  TurnStore,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { dayText, tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { lineOf, shortened } from "./lines.ts";

/** Of so many newest turns one is the last answer; a conversation of nothing but failures has none. */
const LOOKED_AT = 50;
const MAX_MESSAGES = 50;
const MAX_BYTES = 256 * 1024;
const SHOWN = 8;
const MAX_ANSWER_CHARACTERS = 160;
const NAME = "why";

export interface WhyDeps {
  readonly turns: Pick<TurnStore, "list">;
  readonly sessions: Pick<SessionStore, "history" | "find">;
  readonly memories: Pick<MemoryStore, "find">;
}

/**
 * Tells where the conversation's last answer came from: the message that it answers, what recall and tools showed for it,
 * with dates. Everything is read anew, so that nothing is shown that was forgotten since, or that a reader of now does not
 * know.
 */
export function whyTool(deps: WhyDeps): Tool {
  return {
    spec: {
      name: NAME,
      description: "Tells people where the last answer came from.",
      kind: "pure",
      inputSchema: objectOf({}),
    },
    async run(_input, context, options) {
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
      const said = history.filter((message) => isKnownToAll(message, context));
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

/** The newest turn before this one that was answered and did not ask why itself. */
async function lastAnswered(
  { turns }: WhyDeps,
  { spaceId, sessionId, turnSeq }: ToolContext,
  options: CallOptions,
): Promise<Turn | undefined> {
  const { items } = await turns.list({ spaceId, sessionId, states: ["replied"], limit: LOOKED_AT }, options);
  return items.find((turn) => turn.turnSeq < turnSeq && turn.payload.direct?.tool !== NAME);
}

function isKnownToAll({ audience }: Message, context: ToolContext): boolean {
  return context.audience.every((reader) => audience.includes(reader));
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
  const [messages, memories] = await Promise.all([
    deps.sessions.find(
      { spaceId, readers, references: references.filter((one) => one.kind === "message") },
      options,
    ),
    deps.memories.find(
      { spaceId, readers, ids: references.flatMap((one) => (one.kind === "memory" ? [one.id] : [])) },
      options,
    ),
  ]);
  const lineById = new Map([
    ...messages.map((message) => [message.id, messageLine(message, language)] as const),
    ...memories.map((memory) => [memory.id, lineOf({ ...memory, role: "memory" }, language)] as const),
  ]);
  const lines = references.flatMap(({ id }) => lineById.get(id) ?? []).slice(0, SHOWN);
  if (lines.length === 0) return [tell(language, "why.gone")];
  return [tell(language, "why.shown"), ...lines.map((line) => `  ${line}`)];
}

function unique(references: readonly SourceReference[]): readonly SourceReference[] {
  return [...new Map(references.map((one) => [one.id, one])).values()];
}

function messageLine(message: Message, language: string): string {
  return lineOf({ role: message.role, createdAt: message.createdAt, text: textOf(message.parts) }, language);
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
