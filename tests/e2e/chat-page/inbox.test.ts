import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inboundOf } from "../../turns/stage.ts";
import { field, log, say, until } from "./hands.ts";
import { DESKTOP, HAS_NO_CHROMIUM, openStage, PATIENCE, PATIENCE_MS, PHONE, type Stage } from "./stage.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const { signal } = new AbortController();

async function breaches(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ["violations"] })`,
  )) as axe.AxeResults;
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120))}`);
}

describe.skipIf(HAS_NO_CHROMIUM)("the inbox of the chat page, in Chromium", PATIENCE, () => {
  let stage: Stage;

  /** A turn that nobody waits for; its reply goes to the operator's inbox. */
  const deliver = async (text: string, sessionKey: string): Promise<void> => {
    stage.model.enqueue({ text });
    const ids = { sessionKey, peerId: "operator", audience: ["operator"] };
    const replyTo = { channel: "inbox", target: "operator" };
    const principal = { spaceId: "default", kind: "operator", id: "operator" } as const;
    await stage.serving.troupe.inbox.accept(
      { ...inboundOf("Write the report", Date.now()), ...ids, replyTo },
      principal,
      { signal },
    );
  };
  const entry = (page: Page) => page.getByRole("navigation").getByRole("button", { name: /^Inbox/ });
  const mail = (page: Page, name: RegExp) => page.locator("main").getByRole("button", { name });

  beforeAll(async () => {
    stage = await openStage();
  }, PATIENCE_MS);
  afterAll(async () => {
    await stage?.close();
  });

  test("an answer that goes there is counted at once, read in Markdown, and leads to its conversation", async () => {
    const page = await stage.open();
    await entry(page).click();
    await page.getByRole("heading", { name: "Nothing waits for you" }).waitFor();
    expect(await breaches(page)).toEqual([]);

    await deliver("# Night report\n\nAll is **well**:\n\n- one\n- two", "report");
    await mail(page, /Night report|Write the report/).waitFor();
    await until(async () => ((await entry(page).textContent()) ?? "").includes("1"));
    await mail(page, /unread/).click();
    await page.locator(".mail-opened strong", { hasText: "well" }).waitFor();
    expect(await page.locator(".mail-opened li").allInnerTexts()).toEqual(["one", "two"]);
    await until(async () => !((await entry(page).textContent()) ?? "").includes("1"));
    expect(page.url()).toContain("#/inbox/");

    await page.reload();
    await page.locator(".mail-opened strong", { hasText: "well" }).waitFor();
    await page.getByRole("button", { name: "To the conversation" }).click();
    await log(page).getByText("Write the report").waitFor();
    expect(await page.locator("#message").count()).toBe(1);
    await page.goBack();
    await page.locator(".mail-opened").waitFor();
    await page.context().close();
  });

  test("items are gone through by keyboard, marked as unread, read all at once, and removed", async () => {
    const page = await stage.open();
    await deliver("The second letter", "second");
    await entry(page).focus();
    await page.keyboard.press("Enter");
    const item = mail(page, /second letter|unread/).first();
    await item.waitFor();
    await item.focus();
    await page.keyboard.press("Enter");
    await page.locator(".mail-opened").waitFor();
    await until(() => page.evaluate("document.activeElement?.id === 'mail-title'") as Promise<boolean>);
    await page.keyboard.press("Escape");
    // Back in the list, where one was.
    await until(
      () => page.evaluate("document.activeElement?.matches('.mail-item') === true") as Promise<boolean>,
    );
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Mark as unread" }).click();
    await page.getByRole("button", { name: "Mark all as read" }).click();
    await until(async () => (await page.locator('.mail-item[data-unread="true"]').count()) === 0);
    const before = await page.locator(".mail-item").count();
    await page.locator(".mail-item").first().click();
    await page.locator(".mail-opened").getByRole("button", { name: "Delete" }).click();
    await until(async () => (await page.locator(".mail-item").count()) === before - 1);
    await page.context().close();
  });

  test.each([
    ["on a desktop, light", { viewport: DESKTOP, colorScheme: "light" }],
    ["on a phone, dark, in Ukrainian", { viewport: PHONE, colorScheme: "dark", locale: "uk" }],
  ] as const)("%s it keeps WCAG 2.2 AA", async (name, look) => {
    const page = await stage.open(look);
    stage.serving.troupe.notices.post({
      ...{ ownerId: "operator", key: name, title: "The budget all is used up" },
      text: "Allow more:\n\n    ./troupe budget allow all 1.00\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    });
    if (look.viewport === PHONE) await page.locator(".stage-head .drawer-only").click();
    await page.locator(".side-inbox .side-count").waitFor();
    const found = await breaches(page);
    await page.locator(".side-inbox").click();
    await page.locator(".mail-item").first().waitFor();
    found.push(...(await breaches(page)));
    await shot(page, `${name}-list`);
    await page.locator(".mail-item").first().click();
    await page.locator(".mail-opened").waitFor();
    found.push(...(await breaches(page)));
    await shot(page, `${name}-item`);
    expect(found).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await page.context().close();
  });

  test("a new conversation is one step away, and nothing complained", async () => {
    const page = await stage.open();
    await entry(page).click();
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    await field(page).waitFor();
    stage.model.enqueue({ text: "Here I am" });
    await say(page, "Are you there?");
    await log(page).getByText("Here I am").waitFor();
    expect(stage.complaints).toEqual([]);
  });
});

/** For whoever wants to look: TROUPE_SHOTS names a folder. */
async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.TROUPE_SHOTS;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name.replaceAll(/\W+/g, "-")}.png` });
}
