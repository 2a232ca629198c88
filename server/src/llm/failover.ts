import {
  type BrokenCall,
  type CallOptions,
  type Clock,
  type FailedModelCall,
  type Logger,
  type ModelChoice,
  type ModelEvent,
  type ModelRequest,
  type ModelRetry,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";
import { type Counter, type Histogram, nextDelayMs, sleep } from "../kit/index.ts";
import type { Guard, Guards } from "./guards.ts";

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
  readonly guards: Guards;
}

export interface FailoverOptions extends CallOptions {
  readonly deadlineAt?: number;
  readonly brokenOff?: readonly BrokenCall[];
  readonly onModel: (choice: ModelChoice) => void;
  readonly onRetry: (retry: ModelRetry) => void;
  readonly onFailedCall: (call: FailedModelCall) => void;
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
  #answering: AsyncIterator<ModelEvent, undefined> | undefined;
  #state: "new" | "answering" | "ended" = "new";

  constructor(
    choices: readonly ModelChoice[],
    request: ModelRequest,
    options: FailoverOptions,
    deps: FailoverDeps,
    listName: string,
  ) {
    this.#choices = lastOnes(choices, options.brokenOff);
    this.#request = request;
    this.#options = options;
    this.#deps = deps;
    this.#listName = listName;
  }

  next(): Promise<Result> {
    if (this.#state === "answering" && this.#answering !== undefined) return this.#answering.next();
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    return this.#begin();
  }

  async close(): Promise<Result> {
    this.#state = "ended";
    await this.#answering?.return?.();
    return { done: true, value: undefined };
  }

  async #begin(): Promise<Result> {
    const broken = this.#options.brokenOff?.at(-1);
    const guilty = this.#choices.find(({ name }) => name === broken?.model);
    if (guilty !== undefined && broken !== undefined) this.#guardOf(guilty).failed(broken.error);
    for (const choice of this.#choices) {
      const outcome = await this.#tryChoice(choice);
      if (this.#state === "ended") return { done: true, value: undefined };
      if (outcome !== "next") {
        this.#state = outcome.type === "end" ? "ended" : "answering";
        return { done: false, value: outcome };
      }
    }
    this.#state = "ended";
    return { done: false, value: this.#allFailed() };
  }

  /** The first event to hand on, or that the next model is to be asked. */
  async #tryChoice(choice: ModelChoice): Promise<ModelEvent | "next"> {
    const { onModel, onRetry, signal } = this.#options;
    let delayMs = RETRY_LIMITS.baseMs;
    for (let tries = 1; ; tries++) {
      const held = await this.#enter(choice);
      if (held === "aborted") return ABORTED;
      if (held !== undefined) return this.#refuse({ choice, error: held, tries: tries - 1 });
      const { event: first, latencyMs } = await this.#ask(choice);
      if (this.#state === "ended") return "next";
      if (first.type !== "end" || first.reason !== "error") {
        onModel(choice);
        return first;
      }
      const error =
        first.error ?? new TroupeError(`The model "${choice.name}" failed.`, { code: "model.bad_response" });
      const { usage, estimated } = first;
      this.#options.onFailedCall({ choice, error, usage, estimated, latencyMs });
      this.#deps.logger.warn("model.failed", {
        model: choice.name,
        code: error.code,
        tries,
        error: error.message,
      });
      // The caller shortens the conversation, for all models of the list.
      if (error.code === "model.context_exceeded") return { ...first, usage: NO_USAGE, error };
      delayMs = nextDelayMs(delayMs, RETRY_LIMITS, this.#deps.random);
      const waitMs = Math.max(delayMs, error.retryAfterMs ?? 0);
      // A provider that asked for a pause is waited for, one that is left alone is not.
      const isLeftAlone = error.retryAfterMs === undefined && this.#guardOf(choice).isOpen;
      if (!error.retryable || tries > MAX_RETRIES || isLeftAlone || !this.#mayWait(waitMs)) {
        return this.#refuse({ choice, error, tries });
      }
      onRetry({ model: choice.name, error, waitMs });
      try {
        await sleep(this.#deps.clock, waitMs, signal);
      } catch {
        return ABORTED;
      }
    }
  }

  #refuse(refusal: Refusal): "next" {
    const { choice, error } = refusal;
    this.#refusals.push(refusal);
    if (this.#refusals.length < this.#choices.length) {
      this.#options.onRetry({ model: choice.name, error, waitMs: 0 });
    }
    return "next";
  }

  /** Past the deadline nobody would read the answer. */
  #mayWait(ms: number): boolean {
    const { deadlineAt = Number.POSITIVE_INFINITY } = this.#options;
    return ms <= MAX_WAIT_MS && this.#deps.clock.now() + ms < deadlineAt;
  }

  #guardOf({ model }: ModelChoice): Guard {
    return this.#deps.guards.of(model.provider);
  }

  /** Waits for our own limit of the provider, a little; undefined when it may be asked, else why not. */
  async #enter(choice: ModelChoice): Promise<TroupeError | "aborted" | undefined> {
    const isLastHope = this.#refusals.length === this.#choices.length - 1;
    let waitedMs = 0;
    for (;;) {
      const held = this.#guardOf(choice).enter(choice.name, isLastHope);
      const waitMs = held?.retryAfterMs ?? 0;
      const isLimit = held?.code === "model.rate_limited" && held.cause === undefined;
      if (held === undefined || !isLimit || !this.#mayWait(waitedMs + waitMs)) return held;
      waitedMs += waitMs;
      try {
        await sleep(this.#deps.clock, waitMs, this.#options.signal);
      } catch {
        return "aborted";
      }
    }
  }

  /** The first event of one call. */
  async #ask(choice: ModelChoice): Promise<{ readonly event: ModelEvent; readonly latencyMs: number }> {
    const { clock, attempts, firstEventSeconds } = this.#deps;
    const startedMs = clock.monotonicMs();
    const guard = this.#guardOf(choice);
    let event: ModelEvent | undefined;
    try {
      const stream = choice.model.stream(this.#request, { signal: this.#options.signal });
      const events = stream[Symbol.asyncIterator]() as AsyncIterator<ModelEvent, undefined>;
      this.#answering = events;
      const { value: first, done } = await events.next();
      event = done === true || first === undefined ? wordlessEnd(choice) : first;
    } finally {
      tell(guard, this.#state === "ended" ? undefined : event);
    }
    const latencyMs = clock.monotonicMs() - startedMs;
    firstEventSeconds.observe(latencyMs / 1000, { model: choice.name });
    attempts.add(1, { model: choice.name, outcome: event.type === "end" ? outcomeOf(event) : "ok" });
    return { event, latencyMs };
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
    return { type: "end", reason: "error", usage: NO_USAGE, estimated: true, error };
  }
}

const ABORTED: EndEvent = { type: "end", reason: "aborted", usage: NO_USAGE, estimated: true };

/** Models that broke off already are asked after the others. */
function lastOnes(
  choices: readonly ModelChoice[],
  brokenOff: readonly BrokenCall[] | undefined,
): readonly ModelChoice[] {
  if (brokenOff === undefined || brokenOff.length === 0 || choices.length < 2) return choices;
  const times = ({ name }: ModelChoice): number => brokenOff.filter(({ model }) => model === name).length;
  return choices.toSorted((one, other) => times(one) - times(other));
}

function tell(guard: Guard, event: ModelEvent | undefined): void {
  if (event === undefined || (event.type === "end" && event.reason === "aborted")) guard.leave();
  else if (event.type === "end" && event.error !== undefined) guard.failed(event.error);
  else guard.succeeded();
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
