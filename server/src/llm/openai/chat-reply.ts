import type { ModelEvent, ModelToolCall, Usage } from "@troupe/contracts";
import type { WireChunk, WireDelta, WireError, WireThought, WireToolCall, WireUsage } from "./wire.ts";

export type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

/** Longest event, in characters, that is put together from several `data:` lines. */
const MAX_SPREAD = 4 * 1024 * 1024;

/** What a piece of a thought counts for beside its texts. */
const PIECE_CHARACTERS = 64;
/** The same of a call. A thousand are the most of one answer, for each piece of one is looked for among all. */
const CALL_CHARACTERS = 16 * 1024;

interface PartialCall {
  readonly index: number | undefined;
  callId: string;
  name: string;
  arguments: string;
}

/** What one answer has brought so far, put together from its chunks. */
export class ChatReply {
  /** Text and reasoning of the present network read; the reader takes them. */
  text = "";
  reasoning = "";
  /** All that was generated, for an estimate when no usage comes. */
  generated = "";
  /** Characters, about, of what is held until the end beside `generated`: sealed thoughts, and the calls themselves. */
  held = 0;
  finish: EndReason | undefined;
  usage: Usage | undefined;
  /** `[DONE]` came. */
  isDone = false;
  /** At least one chunk was understood. */
  hasBegun = false;
  /** The server reported an error inside its answer. */
  error: WireError | undefined;
  /** An event came that is no JSON object. */
  isBroken = false;
  /** An event that is spread over several `data:` lines, so far: read where it ends. */
  #spread = "";
  readonly #calls: PartialCall[] = [];
  #reasoned = "";
  readonly #thoughts: Record<string, unknown>[] = [];

  /** Takes one `data:` field, or "" where an event ends. */
  accept(payload: string): void {
    if (this.#spread !== "") this.#spreadOver(payload);
    else if (payload === "") return;
    else if (payload === "[DONE]") this.isDone = true;
    else this.#acceptOne(payload);
  }

  /** An event of one field, as nearly all are. */
  #acceptOne(payload: string): void {
    const chunk = parseObject(payload);
    if (chunk === undefined) {
      this.#spread = payload;
      return;
    }
    this.#take(chunk);
  }

  #spreadOver(payload: string): void {
    if (payload !== "") {
      this.#spread += `\n${payload}`;
      if (this.#spread.length > MAX_SPREAD) this.isBroken = true;
      return;
    }
    const chunk = parseObject(this.#spread);
    if (chunk === undefined) this.isBroken = true;
    else this.#take(chunk);
    this.#spread = "";
  }

  /** Takes a whole JSON body; false when it is none. */
  acceptWhole(body: string): boolean {
    const chunk = parseObject(body);
    if (chunk === undefined) return false;
    this.#take(chunk);
    this.isDone = true;
    return this.hasBegun || this.error !== undefined;
  }

  /** The calls in the order the model gave them; `makeId` names those that came without an id. */
  calls(makeId: () => string): ModelToolCall[] {
    // An answer that was cut short by its length leaves a call that nobody can run.
    const usable =
      this.finish === "length" ? this.#calls.filter((call) => isJson(call.arguments)) : this.#calls;
    return usable.map((call) => ({
      callId: call.callId === "" ? makeId() : call.callId,
      name: call.name,
      arguments: call.arguments.trim() === "" ? "{}" : call.arguments,
    }));
  }

  /** What was thought, in the fields in which a server wants it back; undefined when nothing was. */
  get thought(): object | undefined {
    if (this.#thoughts.length > 0) return { reasoning_details: this.#thoughts };
    return this.#reasoned === "" ? undefined : { reasoning_content: this.#reasoned };
  }

  #take(chunk: WireChunk): void {
    if (chunk.error !== undefined && chunk.error !== null) {
      this.error = typeof chunk.error === "object" ? chunk.error : { message: String(chunk.error) };
      return;
    }
    if (chunk.usage !== undefined && chunk.usage !== null) this.usage = readUsage(chunk.usage) ?? this.usage;
    if (!Array.isArray(chunk.choices)) return;
    this.hasBegun = true;
    const choice = chunk.choices[0];
    if (choice === undefined || choice === null) return;
    const delta = choice.delta ?? choice.message;
    if (delta !== undefined && delta !== null) this.#takeDelta(delta);
    if (choice.finish_reason !== undefined && choice.finish_reason !== null) {
      this.finish = readFinish(choice.finish_reason);
    }
  }

  #takeDelta(delta: WireDelta): void {
    const { content } = delta;
    if (typeof content === "string") {
      if (content !== "") this.text += content;
    } else if (Array.isArray(content)) {
      for (const part of content) if (typeof part?.text === "string") this.text += part.text;
    }
    // A refusal is an answer to the person, told in a field of its own.
    if (typeof delta.refusal === "string") this.text += delta.refusal;
    // `reasoning_content` is DeepSeek's and vLLM's name, `reasoning` OpenRouter's and Ollama's.
    const reasoning = delta.reasoning_content ?? delta.reasoning;
    if (typeof reasoning === "string") {
      this.reasoning += reasoning;
      this.#reasoned += reasoning;
    }
    if (Array.isArray(delta.reasoning_details)) {
      for (const thought of delta.reasoning_details)
        if (thought !== null) this.#takeThought(thought, typeof reasoning !== "string");
    }
    if (Array.isArray(delta.tool_calls))
      for (const call of delta.tool_calls) if (call !== null) this.#takeCall(call);
  }

  /** Pieces of one thought have the same type and index. */
  #takeThought(piece: WireThought, isToBeTold: boolean): void {
    if (isToBeTold && typeof piece.text === "string") this.reasoning += piece.text;
    this.held += PIECE_CHARACTERS;
    for (const value of Object.values(piece)) if (typeof value === "string") this.held += value.length;
    const last = this.#thoughts.at(-1);
    if (last === undefined || last.type !== piece.type || last.index !== piece.index) {
      this.#thoughts.push({ ...piece });
      return;
    }
    for (const [name, value] of Object.entries(piece)) {
      const before = last[name];
      const isGrowing = (name === "text" || name === "summary") && typeof before === "string";
      if (value !== null && value !== undefined) last[name] = isGrowing ? before + String(value) : value;
    }
  }

  #takeCall(piece: WireToolCall): void {
    const id = typeof piece.id === "string" ? piece.id : "";
    let call = this.#find(piece.index, id);
    if (call === undefined) {
      call = { index: piece.index, callId: id, name: "", arguments: "" };
      this.#calls.push(call);
      this.held += CALL_CHARACTERS + id.length;
    }
    if (call.callId === "") call.callId = id;
    const { name, arguments: more } = piece.function ?? {};
    if (typeof name === "string" && call.name === "") call.name = name;
    // Some servers give the arguments as an object instead of JSON text.
    const text =
      typeof more === "string" ? more : more === undefined || more === null ? "" : JSON.stringify(more);
    call.arguments += text;
    this.generated += text;
  }

  /** By index; some servers leave it out, or give every call the index 0, so that a new id is a new call. */
  #find(index: number | undefined, id: string): PartialCall | undefined {
    if (id !== "") {
      const same = this.#calls.find((call) => call.callId === id);
      if (same !== undefined) return same;
      return this.#calls.findLast(
        (call) => call.callId === "" && index !== undefined && call.index === index,
      );
    }
    return index === undefined ? this.#calls.at(-1) : this.#calls.findLast((call) => call.index === index);
  }
}

function parseObject(text: string): WireChunk | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as WireChunk) : undefined;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readFinish(reason: string): EndReason {
  switch (reason) {
    case "length":
      return "length";
    case "tool_calls":
    case "function_call":
      return "tool-calls";
    case "content_filter":
      return "content-filter";
    default:
      return "stop";
  }
}

function readUsage(usage: WireUsage): Usage | undefined {
  const input = count(usage.prompt_tokens);
  const output = count(usage.completion_tokens);
  // Some servers have the fields and count nothing.
  if (input === undefined || output === undefined || input + output === 0) return undefined;
  // DeepSeek reports cache hits beside the details that the others have.
  const cached =
    count(usage.prompt_tokens_details?.cached_tokens) ?? count(usage.prompt_cache_hit_tokens) ?? 0;
  const written = count(usage.prompt_tokens_details?.cache_write_tokens) ?? 0;
  const reasoning = count(usage.completion_tokens_details?.reasoning_tokens) ?? 0;
  return {
    inputTokens: input,
    cachedInputTokens: Math.min(cached, input),
    outputTokens: output,
    ...(written === 0 ? {} : { cacheWriteTokens: written }),
    ...(reasoning === 0 ? {} : { reasoningTokens: reasoning }),
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
}
