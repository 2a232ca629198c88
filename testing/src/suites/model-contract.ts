import {
  type LanguageModel,
  type ModelEvent,
  type ModelMessage,
  type ModelRequest,
  type ModelToolCall,
  type ToolSpec,
  TroupeError,
} from "@troupe/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** A model and requests that it answers in a known way; where it has to be told how, the request's maker tells it. */
export interface ModelHarness {
  readonly model: LanguageModel;
  /** Answered with several words, slowly enough to be stopped after the first. */
  forText(): ModelRequest;
  /** Answered with so many tool calls at once; the request offers the tools. */
  forCalls(count: 1 | 2): ModelRequest;
  /** Answered with text that holds letters of several bytes. */
  forUnicode(): { readonly request: ModelRequest; readonly text?: string };
  /** Answered with nothing at all; absent where a model never does that. */
  forNothing?(): ModelRequest;
  /** The history of the last request as the provider received it; absent where there is no wire. */
  received?(): readonly ModelMessage[];
  close(): Promise<void>;
}

export async function collectEvents(
  model: LanguageModel,
  request: ModelRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of model.stream(request, { signal })) events.push(event);
  return events;
}

export type EndEvent = Extract<ModelEvent, { type: "end" }>;

/** The last event, after making sure that it is the only end. */
export function endOf(events: readonly ModelEvent[]): EndEvent {
  const ends = events.filter((event) => event.type === "end");
  expect(ends).toHaveLength(1);
  const last = events.at(-1);
  if (last?.type !== "end") throw new Error("The last event is not the end.");
  return last;
}

export function textIn(events: readonly ModelEvent[]): string {
  return events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");
}

export function callsIn(events: readonly ModelEvent[]): readonly ModelToolCall[] {
  return events.flatMap((event) => (event.type === "tool-call" ? [event.call] : []));
}

/** What every `LanguageModel` keeps to. */
export function modelContract(name: string, make: () => Promise<ModelHarness>): void {
  describe(`language model contract: ${name}`, () => {
    let harness: ModelHarness;
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(() => harness.close());

    describeText(() => harness);
    describeCalls(() => harness);
    describeEnding(() => harness);
    describeHistory(() => harness);
  });
}

function describeText(get: () => ModelHarness): void {
  it("streams text and ends exactly once, with stop and what it used", async () => {
    const { model, forText } = get();

    const events = await collectEvents(model, forText());

    const end = endOf(events);
    expect(end.reason).toBe("stop");
    expect(end.error).toBeUndefined();
    expect(textIn(events)).toMatch(/\S/);
    expect(events.every((event) => event.type !== "text-delta" || event.text !== "")).toBe(true);
    expect(end.usage.inputTokens).toBeGreaterThan(0);
    expect(end.usage.outputTokens).toBeGreaterThan(0);
    expect(end.usage.cachedInputTokens).toBeLessThanOrEqual(end.usage.inputTokens);
  });

  it("keeps letters of several bytes whole", async () => {
    const { model, forUnicode } = get();
    const { request, text } = forUnicode();

    const events = await collectEvents(model, request);

    expect(endOf(events).reason).toBe("stop");
    expect(textIn(events)).not.toContain("\uFFFD");
    expect(textIn(events)).toMatch(/[^\p{ASCII}]/u);
    if (text !== undefined) expect(textIn(events)).toBe(text);
  });

  it("may answer nothing, and still ends", async ({ skip }) => {
    const { model, forNothing } = get();
    if (forNothing === undefined) return skip("this model always says something");

    const events = await collectEvents(model, forNothing());

    expect(events).toHaveLength(1);
    expect(endOf(events).reason).toBe("stop");
  });

  it("answers two calls at once without mixing them", async () => {
    const { model, forText, forCalls } = get();
    const first = forText();

    const alone = await collectEvents(model, first);
    const text: ModelEvent[] = [];
    let second: Promise<readonly ModelEvent[]> | undefined;
    for await (const event of model.stream(forText(), { signal: new AbortController().signal })) {
      text.push(event);
      // Once the first is on its way, so that a script is served in order.
      second ??= collectEvents(model, forCalls(1));
    }
    const calls = (await second) ?? [];

    expect(textIn(text)).toBe(textIn(alone));
    expect(callsIn(text)).toHaveLength(0);
    expect(callsIn(calls)).toHaveLength(1);
    expect(textIn(calls)).toBe("");
  });
}

function describeCalls(get: () => ModelHarness): void {
  it.each([1, 2] as const)("gives %i tool call(s) whole, in order, before the end", async (count) => {
    const { model, forCalls } = get();
    const request = forCalls(count);

    const events = await collectEvents(model, request);

    const calls = callsIn(events);
    expect(endOf(events).reason).toBe("tool-calls");
    expect(calls).toHaveLength(count);
    expect(new Set(calls.map((call) => call.callId)).size).toBe(count);
    expect(calls.every((call) => call.callId !== "")).toBe(true);
    const offered = request.tools.map((tool) => tool.name);
    for (const call of calls) {
      expect(offered).toContain(call.name);
      expect(JSON.parse(call.arguments)).toBeTypeOf("object");
    }
  });

  it("answers with words once it has the results", async () => {
    const { model, forCalls } = get();
    const request = forCalls(2);
    const calls = callsIn(await collectEvents(model, request));
    const results = calls.map(
      (call, at): ModelMessage => ({
        role: "tool",
        callId: call.callId,
        name: call.name,
        text: `result ${at + 1}`,
        isError: false,
      }),
    );
    const messages = [...request.messages, { role: "assistant" as const, text: "", calls }, ...results];

    const events = await collectEvents(model, { ...request, messages });

    expect(endOf(events).reason).toBe("stop");
    expect(textIn(events)).toMatch(/\S/);
  });
}

function describeEnding(get: () => ModelHarness): void {
  it("says only that it was aborted when it is asked too late, and works again", async () => {
    const { model, forText } = get();
    const controller = new AbortController();
    controller.abort(new Error("nobody waits"));
    // Asked for before the script is told, so that nothing of it is used up.
    const late = await collectEvents(
      model,
      { messages: [{ role: "user", text: "hello" }], tools: [] },
      controller.signal,
    );

    expect(late).toHaveLength(1);
    expect(endOf(late)).toMatchObject({ reason: "aborted", usage: { outputTokens: 0 } });
    expect(endOf(await collectEvents(model, forText())).reason).toBe("stop");
  });

  it("ends as aborted in the middle, counts what was said, and works again", async () => {
    const { model, forText } = get();
    const controller = new AbortController();
    const events: ModelEvent[] = [];

    for await (const event of model.stream(forText(), { signal: controller.signal })) {
      events.push(event);
      if (events.length === 1) controller.abort(new Error("changed my mind"));
    }

    const end = endOf(events);
    expect(end.reason).toBe("aborted");
    expect(end.error).toBeUndefined();
    expect(end.usage.outputTokens).toBeGreaterThan(0);
    expect(endOf(await collectEvents(model, forText())).reason).toBe("stop");
  });

  it("can be left in the middle, and works again", async () => {
    const { model, forText } = get();

    for await (const event of model.stream(forText(), { signal: new AbortController().signal })) {
      expect(event.type).toBe("text-delta");
      break;
    }

    expect(endOf(await collectEvents(model, forText())).reason).toBe("stop");
  });

  it("refuses a request without messages as our own mistake", () => {
    const { model } = get();

    let thrown: unknown;
    try {
      model.stream({ messages: [], tools: [] }, { signal: new AbortController().signal });
    } catch (error) {
      thrown = error;
    }

    expect(TroupeError.is(thrown, "internal")).toBe(true);
  });
}

const TOOL: ToolSpec = {
  name: "look_up",
  description: "Looks a word up.",
  inputSchema: { type: "object" },
  kind: "pure",
};

/** Everything that a careless serialiser loses: spaces in arguments, quotes, line ends, letters beyond ASCII. */
const HISTORY: readonly ModelMessage[] = [
  { role: "system", text: 'You are "Ana".\nBe kind.' },
  { role: "user", text: "Знайди «їжак» \u{1F994} and \\u0041" },
  {
    role: "assistant",
    text: "I look.",
    calls: [
      { callId: "call_a", name: "look_up", arguments: '{ "word" : "їжак",\n  "n": 1.0 }' },
      { callId: "call_b", name: "look_up", arguments: '{"word":"\\u0456"}' },
    ],
  },
  { role: "tool", callId: "call_a", name: "look_up", text: 'hedgehog\t"🦔"', isError: false },
  { role: "tool", callId: "call_b", name: "look_up", text: "", isError: true },
  { role: "assistant", text: "It is a hedgehog.", calls: [] },
  { role: "user", text: "Thanks" },
];

function describeHistory(get: () => ModelHarness): void {
  it("takes a history with tools in it and changes nothing of it", async () => {
    const { model, forText } = get();
    forText();
    const request: ModelRequest = { messages: structuredClone(HISTORY), tools: [TOOL] };

    const events = await collectEvents(model, request);

    expect(endOf(events).reason).not.toBe("error");
    expect(request).toEqual({ messages: HISTORY, tools: [TOOL] });
  });

  it("hands calls and results on to the byte", async ({ skip }) => {
    const { model, forText, received } = get();
    if (received === undefined) return skip("this model has no wire");
    forText();

    await collectEvents(model, { messages: HISTORY, tools: [TOOL] });

    // A wire has no place for the name and outcome of a result; its text says both.
    const expected = HISTORY.map((one) => (one.role === "tool" ? { ...one, name: "", isError: false } : one));
    expect(received()).toEqual(expected);
  });
}
