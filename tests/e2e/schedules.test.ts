import { textOf } from "@troupe/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** Reminders and schedules as people speak of them, with the offline model and by command, through the real ports. */

const options = { signal: new AbortController().signal };
const WITHIN = { timeout: 20_000 };

let home: ServedHome;
beforeAll(async () => {
  home = await serveHome("timeZone: Europe/Kyiv\n", { model: "offline/guide" });
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

async function say(
  text: string,
  session: string,
): Promise<{ readonly text: string; readonly sessionId: string }> {
  const response = await fetch(`${home.address}/api/agents/ana/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${home.key}`, "content-type": "application/json" },
    body: JSON.stringify({ text, session }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { readonly text: string; readonly sessionId: string };
}

const jobsOf = async () =>
  (await home.serving.troupe.stores.jobs.list({ spaceId: "default", isOpen: true }, options)).items;

test("a reminder that is asked for in words arrives in the conversation", async () => {
  const asked = await say("remind me in 2 seconds to stretch", "one");
  expect(asked.text).toMatch(/^I will remind you on .* \(Europe\/Kyiv\): stretch$/);

  await vi.waitFor(async () => {
    const { items } = await home.serving.troupe.stores.sessions.messages(
      { sessionId: asked.sessionId },
      options,
    );
    expect(items.map(({ parts }) => textOf(parts)).at(-1)).toBe("Reminder: stretch");
  }, WITHIN);
});

test("what is scheduled is listed with numbers, paused and cancelled by them", async () => {
  const made = await say("every Monday at 8 tell me the time", "two");
  expect(made.text).toMatch(
    /^Done: "tell me the time", every Monday at 08:00; first on .*, 08:00 \(Europe\/Kyiv\)\.$/,
  );
  expect((await say("/remind tomorrow at 9 to call mum", "two")).text).toMatch(
    /09:00 \(Europe\/Kyiv\): call mum$/,
  );

  const listed = (await say("/jobs", "two")).text.split("\n");
  expect(listed[0]).toBe("Jobs: 2");
  expect(listed[1]).toMatch(
    /^1\. tell me the time \(active, every Monday at 08:00\): .*, 08:00 \(Europe\/Kyiv\)$/,
  );
  expect(listed[2]).toMatch(/^2\. call mum \(waiting\): .*, 09:00 \(Europe\/Kyiv\)$/);

  expect((await say("/jobs pause 1", "two")).text).toBe('"tell me the time" is paused.');
  expect((await say("cancel the reminder to call mum", "two")).text).toBe('"call mum" is cancelled.');
  expect((await jobsOf()).map(({ spec, state }) => [spec.title, state])).toEqual([
    ["tell me the time", "paused"],
  ]);
});

test("in Ukrainian, too", async () => {
  expect((await say("нагадай мені завтра о 9 подзвонити мамі", "three")).text).toMatch(
    /^Нагадаю .*, 09:00 \(Europe\/Kyiv\): подзвонити мамі$/,
  );
  expect((await say("/нагадування", "three")).text).toContain("подзвонити мамі (чекає)");
  expect((await say("скасуй нагадування подзвонити мамі", "three")).text).toBe(
    "Завдання «подзвонити мамі» скасовано.",
  );
});

test("what lacks a time, or says one that cannot be read, is asked about", async () => {
  expect((await say("/remind stretch", "four")).text).toMatch(/^When\? Say, for example: in 10 minutes/);
  expect((await say("/remind", "four")).text).toMatch(/^What should I remind you of\?/);
  expect((await say("/remind every 2 days at 8 to water the plants", "four")).text).toMatch(
    /^I cannot read "every 2 days at 8" as a time\./,
  );
  expect((await say("нагадай мені 31 квітня о 9 подзвонити мамі", "four")).text).toMatch(
    /Не можу прочитати «31 квітня о 9» як час\./,
  );
  expect((await say("/jobs cancel", "four")).text).toMatch(/^Which one\?/);
  expect((await say("cancel reminder 17", "four")).text).toContain('There is no open job "17"');
});
