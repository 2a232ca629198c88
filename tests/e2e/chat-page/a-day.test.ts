import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lastAnswer, log, reading, say, until } from "./hands.ts";
import { HAS_NO_CHROMIUM, openStage, PATIENCE, PATIENCE_MS, PHONE, type Stage } from "./stage.ts";

/** Somebody on the tram: a phone, in the dark, with the offline guide. */
describe.skipIf(HAS_NO_CHROMIUM)(
  "a day with the chat page on a phone, in the dark, with the offline guide",
  PATIENCE,
  () => {
    let stage: Stage;
    let page: Page;

    beforeAll(async () => {
      stage = await openStage();
      page = await stage.open({ viewport: PHONE, colorScheme: "dark" });
    }, PATIENCE_MS);
    afterAll(async () => {
      await stage?.close();
    });

    const withDrawer = async (choose: () => Promise<void>): Promise<void> => {
      await page.getByRole("button", { name: "Open the list of conversations" }).click();
      await choose();
      await page.getByRole("navigation").waitFor({ state: "hidden" });
    };
    const answered = async (text: RegExp): Promise<void> => {
      await lastAnswer(page).getByText(text).first().waitFor();
      await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    };

    test("an agent is chosen in the drawer, and greets, and remembers across conversations", async () => {
      await withDrawer(() => page.getByRole("button", { name: /^Kate/ }).click());
      await page.getByRole("heading", { name: "Talk with Kate" }).waitFor();
      await page.getByRole("button", { name: "Hello! What can you do?" }).click();
      await answered(/offline|rules/i);
      await say(page, "Remember that my cat is called Mia");
      await answered(/I will remember/);
      await withDrawer(() => page.getByRole("button", { name: "New conversation", exact: true }).click());
      await say(page, "What is my cat called?");
      await answered(/Mia/);
    });

    test("it answers in the language that it is asked in", async () => {
      await say(page, "Привіт!");
      await answered(/[іїєґ]/i);
    });

    test("what is said elsewhere appears by itself", async () => {
      const { sessions } = stage.serving.troupe.stores;
      const [current] = (
        await sessions.list({ spaceId: "default" }, { signal: new AbortController().signal })
      ).items;
      const other = await stage.open();
      await other.goto(`${stage.address}/#/s/${current?.id}`);
      await log(other).getByText("Привіт!").waitFor();
      await say(other, "/roll 1d1");
      await log(page).getByText("/roll 1d1").waitFor({ timeout: 15_000 });
      await until(async () => (await reading(page)).length === (await reading(other)).length);
      expect(await reading(page)).toEqual(await reading(other));
      expect(stage.complaints).toEqual([]);
    });
  },
);
