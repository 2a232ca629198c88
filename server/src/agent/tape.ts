import type {
  ClaimedTurn,
  Clock,
  FailedModelCall,
  Message,
  ModelChoice,
  ModelEvent,
  ModelMessage,
  ModelRequest,
  TapeCall,
  TapeError,
  TapeLine,
  TapePart,
  TapeToolCall,
  TapeTurn,
  ToolSpec,
  TroupeError,
  TurnError,
  TurnState,
} from "@troupe/contracts";
import { tooLong } from "../kit/index.ts";
import type { HistoryTurn } from "./tracks.ts";

/** Where the tapes of turns go. */
export interface TapeRecorder {
  /** Most bytes of a tape of this agent's turns; undefined: none is recorded. Asked once an attempt; costs nothing. */
  limitOf(spaceId: string, agentId: string): number | undefined;
  /** Takes the tape of a turn whose end is durable and told. Never waits, never throws. */
  keep(tape: EndedTape): void;
}

/** A tape whose turn has ended, still in objects: turning it into text is work that nobody waits for. */
export interface EndedTape {
  readonly turnId: string;
  readonly spaceId: string;
  readonly attempt: number;
  readonly maxBytes: number;
  lines(): readonly TapeLine[];
}

/** What the prompt of an attempt is made from, beside the claimed turn. */
export interface TapeBeginning
  extends Pick<
    TapeTurn,
    | ("agentRevision" | "model" | "maxSteps" | "historyTokens" | "awareness" | "standing")
    | ("journal" | "contributions")
  > {
  readonly choices: readonly ModelChoice[];
  readonly inbound: readonly Message[];
  readonly history: readonly HistoryTurn[];
}

/** What one model call is told while it runs. */
export interface CallRecording {
  failed(call: FailedModelCall): void;
  answering(choice: ModelChoice): void;
  event(event: ModelEvent): void;
}

/**
 * What one attempt asks and is answered. It only holds on to objects that are there anyway, and stops at its bound: the
 * turn pays for nothing but a list.
 */
export interface TapeRecording {
  begin(beginning: TapeBeginning): void;
  /** The storyline's summary stood in the prompt. */
  summary(text: string): void;
  join(step: number, message: Message): void;
  ask(step: number, request: ModelRequest): CallRecording;
  tool(call: Omit<TapeToolCall, "kind" | "v">): void;
  /** Undefined where the turn ended before there was anything to record. */
  end(end: {
    readonly state: TurnState;
    readonly reply: string;
    readonly error: TurnError | undefined;
  }): EndedTape | undefined;
}

type RecordedCall = Omit<TapeCall, "kind" | "v" | "messages" | "tools" | "parts" | "failed" | "model"> & {
  readonly request: ModelRequest;
  readonly failed: TapeCall["failed"][number][];
  readonly parts: TapePart[];
  model: string | undefined;
};

type Entry =
  | { readonly kind: "call"; readonly call: RecordedCall }
  | { readonly kind: "line"; readonly line: TapeLine };

/** What an entry takes beside its texts, about. */
const ENTRY_BYTES = 200;

export function createRecording(claimed: ClaimedTurn, maxBytes: number, clock: Clock): TapeRecording {
  let beginning: TapeBeginning | undefined;
  let summary = "";
  let heldBytes = 0;
  const entries: Entry[] = [];
  let calls = 0;
  /** Whether there is still room for something of about this size. */
  const takes = (characters: number): boolean => {
    heldBytes += characters + ENTRY_BYTES;
    return heldBytes <= maxBytes;
  };

  return {
    begin(one) {
      beginning = one;
    },
    summary(text) {
      summary = text;
    },
    join(step, message) {
      if (takes(0)) entries.push({ kind: "line", line: { kind: "tape.join", v: 1, step, message } });
    },
    ask(step, request) {
      const call: RecordedCall = {
        ...{ n: calls++, step, at: clock.now(), request, settings: settingsOf(request) },
        ...{ failed: [], parts: [], model: undefined },
      };
      if (takes(0)) entries.push({ kind: "call", call });
      return callRecording(call, takes, clock);
    },
    tool(call) {
      if (takes(call.text.length + call.arguments.length))
        entries.push({ kind: "line", line: { kind: "tape.tool", v: 1, ...call } });
    },
    end({ error, ...end }) {
      if (beginning === undefined) return undefined;
      const head = { claimed, beginning, summary };
      const last: TapeLine = { kind: "tape.end", v: 1, ...end, ...(error === undefined ? {} : { error }) };
      const { id: turnId, spaceId, attempt } = claimed.turn;
      // Past the bound entries are missing in the middle; the text that comes of it is longer than the bound, and is cut.
      const isOver = heldBytes > maxBytes;
      return {
        turnId,
        spaceId,
        attempt,
        maxBytes,
        lines: () => linesOf(head, entries, last, isOver, maxBytes),
      };
    },
  };
}

function callRecording(
  call: RecordedCall,
  takes: (characters: number) => boolean,
  clock: Clock,
): CallRecording {
  const startedMs = clock.monotonicMs();
  return {
    failed({ choice, error, usage, latencyMs }) {
      if (!takes(error.message.length)) return;
      call.failed.push({
        model: choice.name,
        error: errorOf(error),
        usage,
        latencyMs: Math.round(latencyMs),
      });
    },
    answering(choice) {
      call.model = choice.name;
    },
    event(event) {
      const size =
        event.type === "tool-call" ? event.call.arguments.length : "text" in event ? event.text.length : 0;
      if (takes(size)) call.parts.push(partOf(event, Math.round(clock.monotonicMs() - startedMs)));
    },
  };
}

function partOf(event: ModelEvent, ms: number): TapePart {
  if (event.type !== "end") return { ms, ...event };
  const { error, ...end } = event;
  return { ms, ...end, ...(error === undefined ? {} : { error: errorOf(error) }) };
}

function errorOf({ code, message, retryable, retryAfterMs }: TroupeError): TapeError {
  return {
    code,
    message,
    ...(retryable ? { retryable } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** What a request asks beside its words. */
export function settingsOf(request: ModelRequest): TapeCall["settings"] {
  const { maxOutputTokens, temperature, toolChoice, stop, responseFormat, hints } = request;
  return {
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(stop === undefined ? {} : { stop }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(hints === undefined ? {} : { hints }),
  };
}

/** Messages and lists of tools are told apart by identity: those of a conversation are the same objects from call to call. */
function linesOf(
  head: { readonly claimed: ClaimedTurn; readonly beginning: TapeBeginning; readonly summary: string },
  entries: readonly Entry[],
  end: Extract<TapeLine, { kind: "tape.end" }>,
  isOver: boolean,
  maxBytes: number,
): readonly TapeLine[] {
  const messages = new Map<ModelMessage, number>();
  const toolLists = new Map<readonly ToolSpec[], number>();
  const later: TapeLine[] = [];
  const numberOf = (message: ModelMessage): number => {
    const known = messages.get(message);
    if (known !== undefined) return known;
    const n = messages.size;
    messages.set(message, n);
    later.push({ kind: "tape.message", v: 1, n, message });
    return n;
  };
  const toolsNumber = (tools: readonly ToolSpec[]): number => {
    const known = toolLists.get(tools);
    if (known !== undefined) return known;
    const n = toolLists.size;
    toolLists.set(tools, n);
    later.push({ kind: "tape.tools", v: 1, n, tools });
    return n;
  };
  const first = headOf(head, numberOf);
  for (const entry of entries) {
    if (entry.kind === "line") {
      later.push(entry.line);
      continue;
    }
    const { request, model, ...call } = entry.call;
    const asked = { messages: request.messages.map(numberOf), tools: toolsNumber(request.tools) };
    later.push({ kind: "tape.call", v: 1, ...call, ...asked, ...(model === undefined ? {} : { model }) });
  }
  return [first, ...later, isOver ? { ...end, cut: tooLong(maxBytes) } : end];
}

function headOf(
  {
    claimed,
    beginning,
    summary,
  }: { readonly claimed: ClaimedTurn; readonly beginning: TapeBeginning; readonly summary: string },
  numberOf: (message: ModelMessage) => number,
): TapeTurn {
  const { trace: _, ...turn } = claimed.turn;
  const { history, choices, ...rest } = beginning;
  return {
    kind: "tape.turn",
    v: 1,
    ...{ turn, ...rest, summary },
    principal: claimed.principal,
    session: claimed.session,
    choices: choices.map(({ name, model: { provider, modelId, contextWindow, abilities } }) => ({
      ...{ name, provider, modelId, contextWindow },
      ...(abilities === undefined ? {} : { abilities }),
    })),
    history: history.map(({ turnSeq, tokens, messages }) => ({
      ...{ turnSeq, tokens },
      messages: messages.map(numberOf),
    })),
  };
}
