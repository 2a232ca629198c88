import {
  type BrokenCall,
  type CallOptions,
  type FailedModelCall,
  type ModelChoice,
  type ModelEvent,
  type ModelRequest,
  type ModelRetry,
  NO_USAGE,
  TroupeError,
} from "@troupe/contracts";
import { type Histogram, type ModelRefusal, nextDelayMs, refusedByAll, sleep } from "../kit/index.ts";
import { type AskingDeps, admit, MAX_RETRIES, MAX_WAIT_MS, RETRY_LIMITS } from "./asking.ts";
import type { Guard } from "./guards.ts";

export interface FailoverDeps extends AskingDeps {
  readonly firstEventSeconds: Histogram;
}

export interface FailoverOptions extends CallOptions {
  readonly deadlineAt?: number;
  readonly brokenOff?: readonly BrokenCall[];
  readonly onModel: (choice: ModelChoice) => void;
  readonly onRetry: (retry: ModelRetry) => void;
  readonly onFailedCall: (call: FailedModelCall) => void;
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
  /** The logical name of the choices, where they have one. */
  list: string | undefined,
): AsyncIterable<ModelEvent> {
  const search = new Search(choices, request, options, deps, list);
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
  readonly #list: string | undefined;
  readonly #refusals: ModelRefusal[] = [];
  #answering: AsyncIterator<ModelEvent, undefined> | undefined;
  #state: "new" | "answering" | "ended" = "new";

  constructor(
    choices: readonly ModelChoice[],
    request: ModelRequest,
    options: FailoverOptions,
    deps: FailoverDeps,
    list: string | undefined,
  ) {
    this.#choices = lastOnes(choices, options.brokenOff);
    this.#request = request;
    this.#options = options;
    this.#deps = deps;
    this.#list = list;
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
      if (held !== undefined) return this.#refuse({ model: choice.name, error: held, tries: tries - 1 });
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
        return this.#refuse({ model: choice.name, error, tries });
      }
      onRetry({ model: choice.name, error, waitMs });
      try {
        await sleep(this.#deps.clock, waitMs, signal);
      } catch {
        return ABORTED;
      }
    }
  }

  #refuse(refusal: ModelRefusal): "next" {
    const { model, error } = refusal;
    this.#refusals.push(refusal);
    if (this.#refusals.length < this.#choices.length) this.#options.onRetry({ model, error, waitMs: 0 });
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

  /** Undefined when the model may be asked, else why not. */
  async #enter(choice: ModelChoice): Promise<TroupeError | "aborted" | undefined> {
    const { name } = choice;
    const isLastHope = this.#refusals.length === this.#choices.length - 1;
    const model = { name, guard: this.#guardOf(choice), isLastHope };
    try {
      return await admit(model, (ms) => this.#mayWait(ms), this.#deps.clock, this.#options.signal);
    } catch {
      return "aborted";
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
      // Nobody reads on after an end: what the call holds, timers and listeners, is let go here.
      if (event.type === "end") await events.return?.();
    } finally {
      tell(guard, this.#state === "ended" ? undefined : event);
    }
    const latencyMs = clock.monotonicMs() - startedMs;
    firstEventSeconds.observe(latencyMs / 1000, { model: choice.name });
    attempts.add(1, { model: choice.name, outcome: event.type === "end" ? outcomeOf(event) : "ok" });
    return { event, latencyMs };
  }

  #allFailed(): EndEvent {
    const error = refusedByAll(this.#refusals, this.#list);
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
