import { expect, test } from "vitest";
import { ApiProblem } from "../api/problem.ts";
import { CATALOGUES, preferredLanguage } from "./index.ts";
import { problemText } from "./problem-text.ts";

test("the first language that people ask for and the page has is taken", () => {
  expect(preferredLanguage(["de-AT", "uk-UA", "en"])).toBe("uk");
  expect(preferredLanguage(["fr"])).toBe("en");
});

test("both catalogues say everything, each in its own words", () => {
  const { en, uk } = CATALOGUES;
  expect(Object.keys(uk).toSorted()).toEqual(Object.keys(en).toSorted());
  const same = Object.entries(en).filter(
    ([key, text]) => typeof text === "string" && uk[key as keyof typeof uk] === text,
  );
  expect(same.map(([key]) => key)).toEqual(["appName"]);
});

test("a problem is told in the person's language where its code says enough", () => {
  const gone = new ApiProblem("There is no session.", { code: "request.not_found", status: 404 });
  expect(problemText(CATALOGUES.uk, gone)).toBe("Цього вже немає.");
  const spent = new ApiProblem("Бюджет на сьогодні вичерпано.", { code: "budget.exceeded", status: 402 });
  expect(problemText(CATALOGUES.en, spent)).toBe("Бюджет на сьогодні вичерпано.");
});
