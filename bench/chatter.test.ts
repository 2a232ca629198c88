import { expect, test } from "vitest";
import { run } from "./chatter.ts";
import { makePeople } from "./harness/made-people.ts";

test("months of chat are measured on a real Troupe: what is learned, and what stands in prompts", async () => {
  const figures = await run({ scale: 0.008, rounds: 1, progress: () => undefined });

  const of = (metric: string) => figures.find((one) => one.metric === metric);
  expect(of("turns")?.value).toBe(80);
  expect(of("memories that are open at the end")?.value).toBeGreaterThan(0);
  expect(of("cacheable prefix, median")?.holds).toBe(true);
  expect(of("memories that hold nothing which was told")?.value).toBe(0);
}, 120_000);

test("people say the same each time, some tell and ask much, and what they told is known", () => {
  const say = (): readonly string[] => {
    const [one] = makePeople(1, 3);
    return Array.from({ length: 2_000 }, () => one?.next().text ?? "");
  };
  const [said, again] = [say(), say()];

  expect(again).toEqual(said);
  const share = (pattern: RegExp): number => said.filter((text) => pattern.test(text)).length / said.length;
  expect(share(/^(?:I live|I'm living|By the way, I live|I just moved)/)).toBeGreaterThan(0.02);
  expect(share(/use the tool/)).toBeGreaterThan(0.01);
  expect(share(/password/)).toBeGreaterThan(0);
});
