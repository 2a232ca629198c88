import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { beginNew, field, lastAnswer, log, reading, say, until } from "./hands.ts";
import { HAS_NO_CHROMIUM, openStage, PATIENCE, PATIENCE_MS, type Stage } from "./stage.ts";

/** A picture of one red dot. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);

describe.skipIf(HAS_NO_CHROMIUM)("keeping conversations in the chat page, in Chromium", PATIENCE, () => {
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    page = await stage.open();
  }, PATIENCE_MS);
  afterAll(async () => {
    await stage?.close();
  });
  beforeEach(async () => {
    stage.model.setRule(({ messages }) => ({ text: `You said: ${textOf(messages.at(-1)?.content)}` }));
    await beginNew(page);
  });

  const side = () => page.getByRole("navigation");
  const item = (name: string | RegExp) => side().getByRole("button", { name });

  async function begin(text: string): Promise<void> {
    await say(page, text);
    await log(page).getByText(`You said: ${text}`).waitFor();
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
  }

  test("what was asked can be said otherwise, and both ways on are there to go back and forth between", async () => {
    await begin("I like tea");
    await say(page, "And milk");
    await log(page).getByText("You said: And milk").waitFor();
    const question = log(page).getByRole("article", { name: /^You/ }).last();
    await question.getByRole("button", { name: "Say it otherwise" }).click();
    await page.getByRole("textbox", { name: "Say it otherwise" }).fill("And lemon");
    await page.keyboard.press("Enter");
    await log(page).getByText("You said: And lemon").waitFor();
    await until(async () => (await reading(page)).length === 4);
    expect(await reading(page)).toEqual([
      "I like tea",
      "You said: I like tea",
      "And lemon",
      "You said: And lemon",
    ]);

    await log(page).getByText("2 of 2").waitFor();
    await page.getByRole("button", { name: "The version before" }).click();
    await log(page).getByText("You said: And milk").waitFor();
    await log(page).getByText("1 of 2").waitFor();
    await page.getByRole("button", { name: "The next version" }).click();
    await log(page).getByText("You said: And lemon").waitFor();
  });

  test("an answer can be asked for anew, and a conversation branched where it stands", async () => {
    stage.model.enqueue({ text: "A dull answer." }, { text: "A better answer." });
    await say(page, "Tell me a joke");
    await lastAnswer(page).getByRole("button", { name: "Answer anew" }).click();
    await log(page).getByText("A better answer.").waitFor();
    expect(await reading(page)).toEqual(["Tell me a joke", "A better answer."]);
    const before = page.url();
    await lastAnswer(page).getByRole("button", { name: "Branch from here" }).click();
    await until(() => page.url() !== before);
    await until(async () => (await reading(page)).length === 2);
    await say(page, "Another");
    await log(page).getByText("You said: Another").waitFor();
  });

  test("a conversation is renamed, exported and deleted from its menu, by keyboard alone", async () => {
    await begin("Remember the harbour");
    const menu = page.getByRole("button", { name: "What to do with this conversation" });
    await menu.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("Harbour talk");
    await page.keyboard.press("Enter");
    await item(/^Harbour talk/).waitFor();

    await menu.click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: "Export as Markdown" }).click(),
    ]);
    expect(readFileSync(await download.path(), "utf8")).toContain("You said: Remember the harbour");

    await menu.click();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await page
      .getByRole("dialog", { name: "Delete this conversation?" })
      .getByRole("button", { name: "Delete" })
      .click();
    await page.getByRole("heading", { name: "Talk with Ana" }).waitFor();
    expect(await item(/^Harbour talk/).count()).toBe(0);
  });

  test("words are found in every conversation, and the place where they stand is shown", async () => {
    await begin("The lighthouse keeper sings");
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    await until(async () => {
      await page.getByRole("searchbox", { name: "Search" }).fill("");
      await page.getByRole("searchbox", { name: "Search" }).fill("lighthouse keeper");
      await page.getByText(/conversations? found/).waitFor();
      return (await side().locator(".found-text").count()) > 0;
    });
    await side().locator(".found").first().click();
    await log(page).getByText("You said: The lighthouse keeper sings").waitFor();
    await page.getByRole("searchbox", { name: "Search" }).fill("");
  });

  test("a long conversation opens at its end, keeps its place while earlier messages come, and shows what is searched for in it", async () => {
    await say(page, "The first word: zanzibar");
    await log(page).getByText("You said: The first word: zanzibar").waitFor();
    const id = new URL(page.url()).hash.replace("#/s/", "");
    for (let i = 0; i < 60; i++)
      await post(page, `/api/sessions/${id}/messages`, { text: `/calc ${i}+1000` });
    await page.reload();
    await log(page).getByText("59+1000 = 1059").waitFor();
    expect(await log(page).locator(".exchange").count()).toBe(30);

    await page.evaluate("document.querySelector('.log').scrollTo({ top: 0 })");
    await until(async () => (await log(page).locator(".exchange").count()) >= 60);
    // What was at the top stands where it stood, with the earlier ones above it.
    expect(await page.evaluate("document.querySelector('.log').scrollTop")).toBeGreaterThan(1_000);

    await page.reload();
    await log(page).getByText("59+1000 = 1059").waitFor();
    await until(async () => {
      await page.getByRole("searchbox", { name: "Search" }).fill("");
      await page.getByRole("searchbox", { name: "Search" }).fill("zanzibar");
      await page.getByText(/conversations? found/).waitFor();
      return (await side().locator(".found-text").count()) > 0;
    });
    await side().locator(".found").first().click();
    const sought = page.locator(".sought");
    await sought.waitFor();
    await until(async () => ((await sought.boundingBox())?.y ?? -1) > 0);
    expect((await sought.boundingBox())?.y).toBeLessThan(800);
    await page.getByRole("searchbox", { name: "Search" }).fill("");
  });

  test("files go with a message: chosen, pasted or dropped, pictures are shown and others can be kept", async () => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Attach files" }).click();
    await (await chooser).setFiles([
      { name: "dot.png", mimeType: "image/png", buffer: PNG },
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("some notes") },
    ]);
    await page.getByRole("list", { name: "Files that go" }).getByText("dot.png").waitFor();
    await page.evaluate(dropFile);
    await page.getByRole("list", { name: "Files that go" }).getByText("dropped.txt").waitFor();
    await page.getByRole("button", { name: "Leave dropped.txt out" }).click();
    await say(page, "What is in them?");
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    const picture = log(page).getByRole("img", { name: "dot.png" });
    await until(() =>
      picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth === 1),
    );
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      log(page)
        .getByRole("link", { name: /notes\.txt/ })
        .click(),
    ]);
    expect(readFileSync(await download.path(), "utf8")).toBe("some notes");
  });

  test("a file that is too large is refused before it is sent, with the limit", async () => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Attach files" }).click();
    const big = join(stage.home, "big.bin");
    writeFileSync(big, "");
    truncateSync(big, 21 << 20);
    await (await chooser).setFiles(big);
    await page.getByText(/big\.bin is larger than 2\d MB/).waitFor();
    expect(await field(page).inputValue()).toBe("");
  });

  test("no script failed, and nothing asked for more than the page's policy allows", () => {
    expect(stage.complaints).toEqual([]);
  });
});

/** As the page itself asks. */
async function post(page: Page, path: string, body: object): Promise<void> {
  const asked = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  expect(await page.evaluate(`fetch("${path}", ${JSON.stringify(asked)}).then(({ status }) => status)`)).toBe(
    200,
  );
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part) => part.text ?? "").join("") : "";
}

/** Runs in the page: a file dropped on it, as the system does it. */
const dropFile = `(() => {
  const data = new DataTransfer();
  data.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
  }
})()`;
