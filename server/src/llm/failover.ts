import {
  type CallOptions,
  type Clock,
  type Logger,
  type ModelChoice,
  type ModelEvent,
  type ModelRequest,
  type ModelRetry,
  NO_USAGE,
  TroupeError,
  type Usage,
} from "@troupe/contracts";
import { addUsage, type Counter, type Histogram, nextDelayMs, sleep } from "../kit/index.ts";

/** Source: features NG-025 and NR-017. */
const MAX_RETRIES = 2;
const RETRY_LIMITS = { baseMs: 100, capMs: 5_000 };
/** A person waits for the answer: past this the next model is asked instead. */
const MAX_WAIT_MS = 10_000;

export interface FailoverDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly attempts: Counter;
  readonly firstEventSeconds: Histogram;
}

export interface FailoverOptions extends CallOptions {
  readonly onModel: (choice: ModelChoice) => void;
  readonly onRetry: (retry: ModelRetry) => void;
}

/** A model that gave up, and what it said last. */
interface Refusal {
  readonly choice: ModelChoice;
  readonly error: TroupeError;
  readonly tries: number;
}

type EndEvent = Extract<ModelEvent, { type: "end" }>;
type Result = IteratorResult<ModelEvent, undefined>;

/**
 * Events of the first choice that begins to answer. Until then it looks for one; from then on it passes that model's
 * own promises through, so that a token costs nothing here.
 */
export function streamWithFailover(
  choices: readonly ModelChoice[],
  request: ModelRequest,
  options: FailoverOptions,
  deps: FailoverDeps,
  /** ` for "default"`, or nothing. */
  listName: string,
): AsyncIterable<ModelEvent> {
  const search = new Search(choices, request, options, deps, listName);
  const iterator: AsyncIterator<ModelEvent, undefined> = {
    next: () => search.next(),
    return: () => search.close(),
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

class Search {
  readonly #choices: readonly ModelChoice[];
  readonly #request: ModelRequest;
  readonly #options: FailoverOptions;
  readonly #deps: FailoverDeps;
  readonly #listName: string;
  readonly #refusals: Refusal[] = [];
  /** Cost of failed calls of the model that is being asked, and of all before it. */
  #lostHere: Usage = NO_USAGE;
  #lostBefore: Usage = NO_USAGE;
  #answering: AsyncIterator<ModelEvent, undefined> | undefined;
  #state: "new" | "answering" | "ended" = "new";

  constructor(
    choices: readonly ModelChoice[],
    request: ModelRequest,
    options: FailoverOptions,
    deps: FailoverDeps,
    listName: string,
  ) {
    this.#choices = choices;
    this.#request = request;
    this.#options = options;
    this.#deps = deps;
    this.#listName = listName;
  }

  next(): Promise<Result> {
    if (this.#state === "answering" && this.#answering !== undefined) {
      const next = this.#answering.next();
      return this.#lostHere === NO_USAGE ? next : next.then((result) => this.#withLossesAtEnd(result));
    }
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    return this.#begin();
  }

  async close(): Promise<Result> {
    this.#state = "ended";
    await this.#answering?.return?.();
    return { done: true, value: undefined };
  }

  async #begin(): Promise<Result> {
    for (const choice of this.#choices) {
      const outcome = await this.#tryChoice(choice);
      if (this.#state === "ended") return { done: true, value: undefined };
      if (outcome !== "next") {
        this.#state = outcome.type === "end" ? "ended" : "answering";
        return { done: false, value: outcome };
      }
      this.#lostBefore = addUsage(this.#lostBefore, this.#lostHere);
      this.#lostHere = NO_USAGE;
    }
    this.#state = "ended";
    return { done: false, value: this.#allFailed() };
  }

  /** The first event to hand on, or that the next model is to be asked. A circuit breaker will stand in front of this. */
  async #tryChoice(choice: ModelChoice): Promise<ModelEvent | "next"> {
    const { onModel, onRetry, signal } = this.#options;
    let delayMs = RETRY_LIMITS.baseMs;
    for (let tries = 1; ; tries++) {
      const first = await this.#ask(choice);
      if (this.#state === "ended") return "next";
      if (first.type !== "end" || first.reason !== "error") {
        onModel(choice);
        return first.type === "end" ? this.#withLosses(first) : first;
      }
      this.#lose(first);
      const error =
        first.error ?? new TroupeError(`The model "${choice.name}" failed.`, { code: "model.bad_response" });
      const isFinal = error.code === "model.context_exceeded" || error.code === "model.rejected";
      this.#deps.logger.warn("model.failed", {
        model: choice.name,
        code: error.code,
        tries,
        error: error.message,
      });
      if (isFinal) return { ...this.#withLosses({ ...first, usage: NO_USAGE }), error };
      delayMs = nextDelayMs(delayMs, RETRY_LIMITS, this.#deps.random);
      const waitMs = Math.max(delayMs, error.retryAfterMs ?? 0);
      if (!error.retryable || tries > MAX_RETRIES || waitMs > MAX_WAIT_MS) {
        this.#refusals.push({ choice, error, tries });
        if (this.#refusals.length < this.#choices.length) onRetry({ model: choice.name, error, waitMs: 0 });
        return "next";
      }
      onRetry({ model: choice.name, error, waitMs });
      try {
        await sleep(this.#deps.clock, waitMs, signal);
      } catch {
        return this.#withLosses({ type: "end", reason: "aborted", usage: NO_USAGE, estimated: true });
      }
    }
  }

  /** The first event of one call. */
  async #ask(choice: ModelChoice): Promise<ModelEvent> {
    const { clock, attempts, firstEventSeconds } = this.#deps;
    const startedMs = clock.monotonicMs();
    const stream = choice.model.stream(this.#request, { signal: this.#options.signal });
    const events = stream[Symbol.asyncIterator]() as AsyncIterator<ModelEvent, undefined>;
    this.#answering = events;
    const { value: first, done } = await events.next();
    const event: ModelEvent = done === true || first === undefined ? wordlessEnd(choice) : first;
    firstEventSeconds.observe((clock.monotonicMs() - startedMs) / 1000, { model: choice.name });
    attempts.add(1, { model: choice.name, outcome: event.type === "end" ? outcomeOf(event) : "ok" });
    return event;
  }

  #lose(end: EndEvent): void {
    if (end.usage.inputTokens + end.usage.outputTokens > 0)
      this.#lostHere = addUsage(this.#lostHere, end.usage);
  }

  /** What failed calls of the answering model cost belongs to its answer; those of others have another price. */
  #withLosses(end: EndEvent): EndEvent {
    return this.#lostHere === NO_USAGE
      ? end
      : { ...end, usage: addUsage(end.usage, this.#lostHere), estimated: true };
  }

  #withLossesAtEnd(result: Result): Result {
    return result.done !== true && result.value.type === "end"
      ? { done: false, value: this.#withLosses(result.value) }
      : result;
  }

  #allFailed(): EndEvent {
    const codes = this.#refusals.map(({ error }) => error);
    // Waiting helps when it helps with one of them.
    const leading = codes.find((error) => error.retryable) ?? codes[0];
    const waits = codes.flatMap((error) => error.retryAfterMs ?? []);
    const sentences = this.#refusals.map(({ error, tries }, at) => clauseOf(error, at === 0, tries));
    const rest = this.#choices.length === 1 ? [`no other model is listed${this.#listName}`] : [];
    const message =
      leading === undefined
        ? `No model is listed${this.#listName}.`
        : `${joinClauses([...sentences, ...rest])}.`;
    const error = new TroupeError(message, {
      code: leading?.code ?? "model.unknown",
      retryable: leading?.retryable ?? false,
      ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
      ...(leading === undefined ? {} : { cause: leading }),
    });
    return { type: "end", reason: "error", usage: this.#lostBefore, estimated: true, error };
  }
}

function wordlessEnd(choice: ModelChoice): EndEvent {
  const error = new TroupeError(`The model "${choice.name}" ended without a word.`, {
    code: "model.bad_response",
  });
  return { type: "end", reason: "error", usage: NO_USAGE, estimated: true, error };
}

function outcomeOf(end: EndEvent): string {
  return end.reason === "error" ? (end.error?.code ?? "error") : end.reason === "aborted" ? "aborted" : "ok";
}

/** `The model "a/b" refused our key (401).` as a part of a longer sentence. */
function clauseOf(error: TroupeError, isFirst: boolean, tries: number): string {
  const clause = error.message.replace(/\.$/, "") + (tries > 1 ? `, asked ${tries} times` : "");
  return isFirst ? clause : clause.replace(/^The /, "the ");
}

function joinClauses(clauses: readonly string[]): string {
  return clauses.length < 3
    ? clauses.join(", and ")
    : `${clauses.slice(0, -1).join("; ")}; and ${clauses.at(-1)}`;
}
