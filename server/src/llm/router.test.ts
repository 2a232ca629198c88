import {
  type ErrorCode,
  type FailedModelCall,
  type LanguageModel,
  type ModelChoice,
  type ModelEvent,
  type ModelRequest,
  type ModelRetry,
  TroupeError,
} from "@troupe/contracts";
import {
  createLogRecorder,
  createManualClock,
  createScriptedModel,
  type EndEvent,
  endOf,
  type ManualClock,
  type ScriptedModel,
  startScriptedModelServer,
  textIn,
} from "@troupe/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { createMetrics, systemClock } from "../kit/index.ts";
import { type ClosableModelRouter, createModelRouter, type ModelRouterConfig } from "./router.ts";

const ask: ModelRequest = { messages: [{ role: "user", text: "hello" }], tools: [] };
const CONFIG: ModelRouterConfig = {
  providers: {
    local: { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" },
    anthropic: { kind: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1" },
  },
  models: { default: ["local/llama3.2", "offline/guide"], fast: ["local/vendor/small"] },
  prices: { "local/llama3.2": { inputUsdPerMillion: 1, outputUsdPerMillion: 3 } },
};

let clock: ManualClock;
let first: ScriptedModel;
let second: ScriptedModel;
let router: ClosableModelRouter;
const metrics = createMetrics();
beforeEach(() => {
  clock = createManualClock();
  first = createScriptedModel({ provider: "a", modelId: "one", clock });
  second = createScriptedModel({ provider: "b", modelId: "two", clock });
  router = routerWith(CONFIG);
});

function routerWith(config: ModelRouterConfig): ClosableModelRouter {
  return createModelRouter({ config, clock, random: () => 0.5, logger: createLogRecorder(), metrics });
}

const choice = (model: LanguageModel): ModelChoice => ({
  model,
  name: `${model.provider}/${model.modelId}`,
  price: undefined,
});

function failing(
  code: ErrorCode,
  predicate: string,
  options: { retryable?: boolean; retryAfterMs?: number } = {},
) {
  const error = new TroupeError(`The model "a/one" ${predicate}.`, { code, ...options });
  return { error, usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 0 } };
}

/** Of a call that nobody looks at. */
const UNTOLD = {
  signal: new AbortController().signal,
  onModel: () => {},
  onRetry: () => {},
  onFailedCall: () => {},
};

interface Run {
  readonly events: readonly ModelEvent[];
  readonly end: EndEvent;
  readonly answered: readonly string[];
  readonly retries: readonly (readonly [string, ErrorCode, number])[];
  /** Calls that failed before they said anything, with what they read. */
  readonly failed: readonly (readonly [string, number])[];
}

/** Streams over `models`, letting `passMs` of the clock go by. */
async function run(
  models: readonly LanguageModel[],
  passMs = 60_000,
  signal = new AbortController().signal,
): Promise<Run> {
  const answered: string[] = [];
  const retries: ModelRetry[] = [];
  const failed: [string, number][] = [];
  const events: ModelEvent[] = [];
  const reading = (async () => {
    const options = {
      signal,
      onModel: (one: ModelChoice) => void answered.push(one.name),
      onRetry: (retry: ModelRetry) => void retries.push(retry),
      onFailedCall: (call: FailedModelCall) => void failed.push([call.choice.name, call.usage.inputTokens]),
    };
    for await (const event of router.stream(models.map(choice), ask, options)) events.push(event);
  })();
  await Promise.all([reading, clock.advance(passMs)]);
  return {
    events,
    end: endOf(events),
    answered,
    failed,
    retries: retries.map(({ model, error, waitMs }) => [model, error.code, waitMs] as const),
  };
}

describe("names", () => {
  test("a logical name is its list in order, with prices", () => {
    const choices = router.choices("default");

    expect(choices.map((one) => one.name)).toEqual(["local/llama3.2", "offline/guide"]);
    expect(choices[0]?.price).toEqual({
      inputUsdPerMillion: 1,
      cachedInputUsdPerMillion: 1,
      outputUsdPerMillion: 3,
    });
    expect(choices[1]?.price).toEqual({
      inputUsdPerMillion: 0,
      cachedInputUsdPerMillion: 0,
      outputUsdPerMillion: 0,
    });
    expect(router.choices("default")).toBe(choices);
  });

  test("provider/model names one model, slashes in its id included, whose price nobody told", () => {
    const [direct] = router.choices("anthropic/claude/next");

    expect(direct?.model).toMatchObject({ provider: "anthropic", modelId: "claude/next" });
    expect(direct?.price).toBeUndefined();
    expect(router.choices("fast")[0]?.model.modelId).toBe("vendor/small");
  });

  test("the offline model is there without being configured", () => {
    expect(routerWith({ providers: {}, models: {} }).choices("offline/guide")[0]?.name).toBe("offline/guide");
  });

  test.each([
    ["defualt", 'No model is configured under the name "defualt". Did you mean "default"?'],
    [
      "antropic/claude",
      'Provider "antropic" is not configured. Did you mean "anthropic"? Known: anthropic, local, offline.',
    ],
    ["offline/gude", 'The offline provider has no model "gude". Did you mean "offline/guide"?'],
    ["constructor", 'No model is configured under the name "constructor".'],
    ["__proto__/x", 'Provider "__proto__" is not configured.'],
    ["local/", 'No model is configured under the name "local/".'],
  ])("%s is unknown, and the nearest name is offered", (name, words) => {
    let thrown: unknown;
    try {
      router.choices(name);
    } catch (error) {
      thrown = error;
    }

    expect(TroupeError.is(thrown, "model.unknown")).toBe(true);
    expect((thrown as TroupeError).message).toContain(words);
  });
});

describe("while nothing has been said", () => {
  test("a failure that may pass is tried twice more, with growing waits, and then the next model answers", async () => {
    const down = failing("model.unavailable", "is out of order", { retryable: true });
    first.enqueue(down, down, down);

    const { events, answered, retries, end, failed } = await run([first, second]);

    expect(first.requests).toHaveLength(3);
    expect(textIn(events)).toBe("You said: hello");
    expect(answered).toEqual(["b/two"]);
    expect(retries).toEqual([
      ["a/one", "model.unavailable", 200],
      ["a/one", "model.unavailable", 350],
      ["a/one", "model.unavailable", 0],
    ]);
    expect(failed).toEqual([
      ["a/one", 10],
      ["a/one", 10],
      ["a/one", 10],
    ]);
    expect(end.usage.inputTokens).toBe(20);
  });

  test("a model that recovers answers itself, and its failed call is told beside its answer", async () => {
    first.enqueue(failing("model.unavailable", "is out of order", { retryable: true }));

    const { events, answered, end, failed } = await run([first, second]);

    expect(answered).toEqual(["a/one"]);
    expect(second.requests).toHaveLength(0);
    expect(textIn(events)).toBe("You said: hello");
    expect(failed).toEqual([["a/one", 10]]);
    expect(end.usage.inputTokens).toBe(20);
    expect(end.estimated).toBe(false);
  });

  test("the provider's own waiting time is kept, up to ten seconds", async () => {
    first.enqueue(failing("model.rate_limited", "is busy", { retryable: true, retryAfterMs: 9_000 }));

    const early = run([first, second], 8_999);
    await clock.settle();
    expect(first.requests).toHaveLength(1);
    await clock.advance(10_000);

    expect((await early).retries).toEqual([["a/one", "model.rate_limited", 9_000]]);
    expect(first.requests).toHaveLength(2);
  });

  test("a longer one sends us to the next model at once", async () => {
    first.enqueue(failing("model.rate_limited", "is busy", { retryable: true, retryAfterMs: 10_001 }));

    const { answered } = await run([first, second], 0);

    expect(answered).toEqual(["b/two"]);
    expect(first.requests).toHaveLength(1);
  });

  test.each(["model.auth", "model.billing", "model.not_found", "model.rejected"] as const)(
    "%s goes to the next model at once",
    async (code) => {
      first.enqueue(failing(code, "refused"));

      const { answered, retries } = await run([first, second], 0);

      expect(answered).toEqual(["b/two"]);
      expect(retries).toEqual([["a/one", code, 0]]);
    },
  );

  test("a conversation that is too long ends at once: it is shortened for all models", async () => {
    const code = "model.context_exceeded";
    first.enqueue(failing(code, "refused it"));

    const { end, events, answered, failed } = await run([first, second], 0);

    expect(events).toHaveLength(1);
    expect(end.error?.code).toBe(code);
    expect(end.error?.message).toBe('The model "a/one" refused it.');
    expect(failed).toEqual([["a/one", 10]]);
    expect(end.usage.inputTokens).toBe(0);
    expect(answered).toEqual([]);
    expect(second.requests).toHaveLength(0);
  });

  test("an abort during the wait ends as aborted, and no timer is left", async () => {
    const controller = new AbortController();
    first.enqueue(failing("model.rate_limited", "is busy", { retryable: true, retryAfterMs: 5_000 }));

    const running = run([first, second], 1_000, controller.signal);
    await clock.settle();
    controller.abort(new Error("user"));
    const { end } = await running;

    expect(end.reason).toBe("aborted");
    expect(end.error).toBeUndefined();
    expect(first.requests).toHaveLength(1);
    expect(second.requests).toHaveLength(0);
    expect(clock.timers).toBe(0);
  });

  test("a call that ended without a word is let go, with all that it holds", async () => {
    const left: string[] = [];
    async function* refuse(): AsyncGenerator<ModelEvent> {
      try {
        yield { type: "end", reason: "error", estimated: true, ...failing("model.auth", "refused our key") };
      } finally {
        left.push("a/one");
      }
    }
    const holding: LanguageModel = { ...first, stream: refuse };

    await run([holding, second], 0);

    expect(left).toEqual(["a/one"]);
  });

  test("a mistake of ours is thrown, not tried again", async () => {
    const broken: LanguageModel = {
      ...first,
      stream() {
        throw new TroupeError("No messages.", { code: "internal" });
      },
    };

    await expect(run([broken, second], 0)).rejects.toMatchObject({ code: "internal" });
  });
});

test("once something was said, a failure is handed on and nobody else is asked", async () => {
  first.enqueue({ text: "Half an", ...failing("model.unavailable", "broke off", { retryable: true }) });

  const { events, end, answered } = await run([first, second]);

  expect(textIn(events)).toBe("Half an");
  expect(end.error?.message).toBe('The model "a/one" broke off.');
  expect(answered).toEqual(["a/one"]);
  expect(first.requests).toHaveLength(1);
  expect(second.requests).toHaveLength(0);
});

describe("when all have failed, one sentence says what each said", () => {
  test("with one model, and that there is no other", async () => {
    const server = await startScriptedModelServer();
    server.enqueue({ status: 401, body: "" });
    const real = createModelRouter({
      config: {
        providers: { anthropic: { kind: "openai-compatible", baseUrl: server.baseUrl } },
        models: { default: ["anthropic/claude"] },
      },
      clock: systemClock(),
      random: () => 0,
      logger: createLogRecorder(),
      metrics,
    });
    const events: ModelEvent[] = [];
    for await (const event of real.stream(real.choices("default"), ask, UNTOLD)) events.push(event);
    await real.close();
    await server.close();

    expect(endOf(events).error).toMatchObject({ code: "model.auth", retryable: false });
    expect(endOf(events).error?.message).toBe(
      'The model "anthropic/claude" refused our key (401), and no other model is listed for "default".',
    );
  });

  test("with two, and waiting helps when it helps with one of them", async () => {
    first.enqueue(failing("model.auth", "refused our key (401)"));
    const busy = {
      error: new TroupeError('The model "b/two" is busy.', {
        code: "model.rate_limited",
        retryable: true,
        retryAfterMs: 60_000,
      }),
    };
    second.enqueue(busy);

    const { end, events, answered, retries, failed } = await run([first, second], 0);

    expect(events).toHaveLength(1);
    expect(end.error?.message).toBe(
      'The model "a/one" refused our key (401), and the model "b/two" is busy.',
    );
    expect(end.error).toMatchObject({ code: "model.rate_limited", retryable: true, retryAfterMs: 60_000 });
    expect(failed).toEqual([
      ["a/one", 10],
      ["b/two", 20],
    ]);
    expect(end.usage.inputTokens).toBe(0);
    expect(answered).toEqual([]);
    expect(retries).toHaveLength(1);
  });

  test("with tries counted", async () => {
    const down = failing("model.unavailable", "cannot be reached", { retryable: true });
    first.enqueue(down, down, down);

    const { end } = await run([first]);

    expect(end.error?.message).toBe(
      'The model "a/one" cannot be reached, asked 3 times, and no other model is listed.',
    );
  });
});

test("every attempt is counted by its outcome", async () => {
  const page = createMetrics();
  router = createModelRouter({
    config: CONFIG,
    clock,
    random: () => 0,
    logger: createLogRecorder(),
    metrics: page,
  });
  first.enqueue(failing("model.auth", "refused our key"));

  await run([first, second], 0);

  expect(page.render()).toContain('troupe_model_attempts_total{model="a/one",outcome="model.auth"} 1');
  expect(page.render()).toContain('troupe_model_attempts_total{model="b/two",outcome="ok"} 1');
  expect(page.render()).toContain('troupe_model_first_event_seconds_count{model="b/two"} 1');
});

test("left before the answer begins, it stops asking", async () => {
  first.enqueue({ text: "late", delayMs: 1_000 });
  const events = router.stream([choice(first), choice(second)], ask, UNTOLD)[Symbol.asyncIterator]();

  const pending = events.next();
  const left = events.return?.();
  await clock.advance(2_000);

  expect((await pending).done).toBe(true);
  expect((await left)?.done).toBe(true);
  expect((await events.next()).done).toBe(true);
  expect(second.requests).toHaveLength(0);
});
