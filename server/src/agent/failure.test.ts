import { TroupeError } from "@troupe/contracts";
import { expect, test } from "vitest";
import { refusedByAll } from "../kit/index.ts";
import { failureOf } from "./failure.ts";

const about = { turnId: "t1", model: "default", attempt: 1 };
const refusal = (model: string, code: "model.auth" | "model.unavailable", tries = 1) => ({
  model,
  tries,
  error: new TroupeError(`The model "${model}" refused (401).`, { code }),
});

test("what all models of a list said is told in the reader's language, model by model", () => {
  const error = refusedByAll(
    [refusal("a/one", "model.auth"), refusal("b/two", "model.unavailable", 3)],
    "default",
  );

  const english = failureOf(error, { ...about, language: "en" });
  const ukrainian = failureOf(error, { ...about, language: "uk" });

  expect(english.error.message).toBe(
    'The model "a/one" refused (401), and the model "b/two" refused (401), asked 3 times.',
  );
  expect(ukrainian.error.message).toBe(
    "модель a/one відхилила наш ключ, а модель b/two недоступна (спроб: 3).",
  );
  expect(ukrainian.sentence).toContain("Не вдалося відповісти: модель a/one");
});

test.each([
  [1, "модель a/one відхилила наш ключ, а інших моделей у списку «default» немає."],
  [3, "модель a/one відхилила наш ключ; модель a/one відхилила наш ключ; а модель a/one відхилила наш ключ."],
])("of %i models in Ukrainian", (count, sentence) => {
  const refusals = Array.from({ length: count }, () => refusal("a/one", "model.auth"));

  expect(failureOf(refusedByAll(refusals, "default"), { ...about, language: "uk" }).error.message).toBe(
    sentence,
  );
});

test("a model that broke off in the middle does not speak English to a Ukrainian reader", () => {
  const error = new TroupeError('The model "a/one" broke off.', { code: "model.unavailable" });

  expect(failureOf(error, { ...about, language: "uk" }).error.message).toBe("модель default недоступна.");
  expect(failureOf(error, { ...about, language: "en" }).error.message).toBe('The model "a/one" broke off.');
});
