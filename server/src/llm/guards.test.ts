import {
  type ErrorCode,
  type LanguageModel,
  type ModelChoice,
  type ModelRetry,
  TroupeError,
} from "@troupe/contracts";
import {
  createLogRecorder,
  createManualClock,
  createScriptedModel,
  endOf,
  type ManualClock,
  type ScriptedModel,
} from "@troupe/testing";
import { beforeEach, expect, test } from "vitest";
import { createMetrics, type Metrics } from "../kit/index.ts";
import { type ClosableModelRouter, createModelRouter } from "./router.ts";

const SECOND = 1_000;

let clock: ManualClock;
let metrics: Metrics;
let first: ScriptedModel;
let second: ScriptedModel;
let router: ClosableModelRouter;
beforeEach(() => {
  clock = createManualClock();
  metrics = createMetrics();
  first = createScriptedModel({ provider: "a", modelId: "one", clock });
  second = createScriptedModel({ provider: "b", modelId: "two", clock });
  router = createModelRouter({
    config: {
      providers: { a: { kind: "ollama", requestsPerMinute: 60 }, b: { kind: "ollama" } },
      models: {},
    },
    ...{ clock, metrics },
    random: () => 0.5,
    logger: createLogRecorder(),
  });
});

const choice = (model: LanguageModel): ModelChoice => ({
  model,
  name: `${model.provider}/${model.modelId}`,
  price: undefined,
});

const failing = (code: ErrorCode, options: { retryable?: boolean; retryAfterMs?: number } = {}) => ({
  error: new TroupeError(`The model "a/one" failed.`, { code, ...options }),
});

interface Asked {
  readonly answered: string | undefined;
  readonly error: TroupeError | undefined;
  readonly retries: readonly ModelRetry[];
}

async function ask(
  models: readonly LanguageModel[],
  more: Partial<Parameters<ClosableModelRouter["stream"]>[2]> & { readonly passMs?: number } = {},
): Promise<Asked> {
  const { passMs = 0, ...options } = more;
  let answered: string | undefined;
  const retries: ModelRetry[] = [];
  const reading = Array.fromAsync(
    router.stream(
      models.map(choice),
      { messages: [{ role: "user", text: "hello" }], tools: [] },
      {
        signal: new AbortController().signal,
        onModel: ({ name }) => {
          answered = name;
        },
        onRetry: (retry) => void retries.push(retry),
        onFailedCall: () => {},
        ...options,
      },
    ),
  );
  const [events] = await Promise.all([reading, clock.advance(passMs)]);
  return { answered, error: endOf(events).error, retries };
}

test("a provider that fails five times in a row is left alone; after a while one call tries it", async () => {
  const down = failing("model.unavailable", { retryable: true });
  first.enqueue(down, down, down, down, down, down);
  await ask([first], { passMs: 5 * SECOND });

  const before = await ask([first, second], { passMs: 5 * SECOND });
  const alone = await ask([first, second]);
  const asked = first.requests.length;
  const state = router.health();
  const page = metrics.render();
  await clock.advance(31 * SECOND);
  const probe = await ask([first], {});
  await clock.advance(31 * SECOND);
  const back = await ask([first]);

  expect(before.answered).toBe("b/two");
  expect(alone.answered).toBe("b/two");
  expect(alone.retries[0]?.error.message).toMatch(
    /^The model "a\/one" is left alone for \d+ s after 5 failures in a row \(last: The model "a\/one" failed\)\.$/,
  );
  expect(asked).toBe(5);
  expect(state[0]).toMatchObject({ provider: "a", state: "open", failures: 5 });
  expect(page).toContain('troupe_model_breaker_open{provider="a"} 1');
  expect(probe.error?.code).toBe("model.unavailable");
  expect(back.answered).toBe("a/one");
  expect(router.health()[0]).toEqual({ provider: "a", state: "closed", failures: 0 });
  expect(metrics.render()).toContain('troupe_model_breaker_open{provider="a"} 0');
});

test.each(["model.auth", "model.billing"] as const)(
  "%s is not asked for again for a minute while there is another model",
  async (code) => {
    first.enqueue(failing(code));
    await ask([first, second]);

    const soon = await ask([first, second]);
    await clock.advance(60 * SECOND);
    const later = await ask([first, second]);

    expect(soon.answered).toBe("b/two");
    expect(soon.retries[0]?.error).toMatchObject({ code, retryAfterMs: 60 * SECOND });
    expect(first.requests).toHaveLength(2);
    expect(later.answered).toBe("a/one");
  },
);

test("while a provider asks for a pause, its calls go to the next model at once", async () => {
  first.enqueue(failing("model.rate_limited", { retryable: true, retryAfterMs: 20 * SECOND }));
  await ask([first, second]);

  const during = await ask([first, second]);
  await clock.advance(20 * SECOND);
  const after = await ask([first, second]);

  expect([during.answered, after.answered]).toEqual(["b/two", "a/one"]);
  expect(first.requests).toHaveLength(2);
});

test("a refused request says nothing of its provider", async () => {
  first.enqueue(...Array.from({ length: 6 }, () => failing("model.rejected")));
  for (let n = 0; n < 6; n++) await ask([first]);

  expect((await ask([first])).answered).toBe("a/one");
});

test("our own limit waits a little, and past ten seconds the next model is asked", async () => {
  for (let n = 0; n < 60; n++) await ask([first]);
  const waited = await ask([first, second], { passMs: SECOND });
  const asked = first.requests.length;
  // A minute's worth is spent, so further calls come one a second; eleven that wait are one too many for ten seconds.
  const alone = await ask([second]);

  expect(waited.answered).toBe("a/one");
  expect(asked).toBe(61);
  expect(alone.answered).toBe("b/two");
  expect(metrics.render()).toContain('troupe_model_rate_limited_total{provider="a"}');
});

test("no wait reaches past the deadline of the turn", async () => {
  first.enqueue(failing("model.rate_limited", { retryable: true, retryAfterMs: 5 * SECOND }));

  const { error, answered } = await ask([first], { deadlineAt: clock.now() + 4 * SECOND });

  expect(answered).toBeUndefined();
  expect(error).toMatchObject({ code: "model.rate_limited", retryAfterMs: 5 * SECOND });
  expect(first.requests).toHaveLength(1);
});

test("a model that broke off in the middle is asked after the others, and counts as failed", async () => {
  const error = new TroupeError("It broke off.", { code: "model.unavailable", retryable: true });

  const { answered } = await ask([first, second], { brokenOff: [{ model: "a/one", error }] });
  const alone = await ask([first], { brokenOff: [{ model: "a/one", error }] });

  expect(answered).toBe("b/two");
  expect(alone.answered).toBe("a/one");
  expect(router.health().find(({ provider }) => provider === "a")?.failures).toBe(0);
});

test("an abort says nothing of the provider", async () => {
  const controller = new AbortController();
  first.enqueue({ text: "late", delayMs: 5 * SECOND });

  const running = ask([first], { signal: controller.signal });
  await clock.settle();
  controller.abort();
  await running;

  expect(router.health()).toEqual([{ provider: "a", state: "closed", failures: 0 }]);
});

test("a refused key is tried again at once where there is no other model, since a person may have mended it", async () => {
  first.enqueue(failing("model.auth"), failing("model.auth"), { text: "mended" });

  expect((await ask([first])).error?.code).toBe("model.auth");
  expect((await ask([first, second])).answered).toBe("b/two");
  expect(first.requests).toHaveLength(1);
  expect((await ask([first])).error?.code).toBe("model.auth");
  expect((await ask([first])).answered).toBe("a/one");
});
