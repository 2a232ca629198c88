import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { field, gate, lastAnswer, log, say, until } from "./hands.ts";
import {
  DESKTOP,
  HAS_NO_CHROMIUM,
  openStage,
  PATIENCE,
  PATIENCE_MS,
  PHONE,
  type Stage,
  type StageOptions,
} from "./stage.ts";

const RICH = `## Heading

| a | b |
|---|---|
| 1 | 2 |

\`\`\`ts
const x: string = "code"; // a note
\`\`\`

- [x] done, with \`code\` and [a link](https://troupe.example)

$$x^2$$`;

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What the page breaks of WCAG 2.2 AA, as far as a program can tell: the rule and where. */
async function breaches(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ["violations"] })`,
  )) as axe.AxeResults;
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
  );
}

describe.skipIf(HAS_NO_CHROMIUM)("the chat page is for everyone, in Chromium", PATIENCE, () => {
  let stage: Stage;
  let shared: Page;

  beforeAll(async () => {
    stage = await openStage();
    const page = await stage.open();
    shared = page;
    stage.model.enqueue(
      { toolCalls: [{ callId: "c1", name: "calculator", arguments: '{"expression":"6*7"}' }] },
      { text: RICH },
      { status: 400, body: "{}" },
    );
    await say(page, "Show me everything");
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    await say(page, "Now fail");
    await page.getByRole("alert").waitFor();
  }, PATIENCE_MS);
  afterAll(async () => {
    await stage?.close();
  });

  const looks: readonly (readonly [string, StageOptions])[] = [
    ["on a desktop, light", { viewport: DESKTOP, colorScheme: "light" }],
    ["on a desktop, dark", { viewport: DESKTOP, colorScheme: "dark" }],
    ["on a phone, light", { viewport: PHONE, colorScheme: "light" }],
    ["on a phone, dark, in Ukrainian", { viewport: PHONE, colorScheme: "dark", locale: "uk" }],
  ];

  test.each(looks)("%s it keeps WCAG 2.2 AA wherever one is", async (_, look) => {
    const page = await stage.open(look);
    const isPhone = look.viewport === PHONE;
    const found: string[] = [];
    const check = async (where: string): Promise<void> => {
      found.push(...(await breaches(page)).map((breach) => `${where}: ${breach}`));
    };
    await page.locator(".katex").first().waitFor();
    await page.locator(".facts").first().click();
    await page.locator(".trace").waitFor();
    await page.locator("#message").fill("/");
    await page.getByRole("listbox").waitFor();
    await check("a conversation with commands");
    await page.locator("#message").fill("");
    if (isPhone) await page.locator(".stage-head .drawer-only").click();
    await page.locator(".side-settings").click();
    await page.getByRole("dialog").waitFor();
    await check("settings");
    await page.keyboard.press("Escape");
    if (isPhone) await check("the drawer");
    await page.locator(".side .primary").click();
    await page.locator(".welcome").waitFor();
    await check("a new conversation");
    expect(found).toEqual([]);
    // Nothing is wider than the screen.
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await page.context().close();
  });

  test.each(looks.slice(1, 3))("%s the door keeps WCAG 2.2 AA too", async (_, look) => {
    const page = await stage.openStranger(look);
    await page.goto(stage.address);
    await page.locator("#code").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.context().close();
  });

  test("on a phone the conversations are a drawer that takes the focus and gives it back", async () => {
    const page = await stage.open({ viewport: PHONE });
    await page.getByRole("button", { name: "Open the list of conversations" }).click();
    await page.getByRole("button", { name: "Close the list of conversations" }).waitFor();
    await until(() => page.evaluate("document.activeElement?.closest('nav') !== null") as Promise<boolean>);
    // What lies behind it cannot be reached.
    expect(await page.evaluate("document.querySelector('main').inert")).toBe(true);
    await page.locator(".shade").click({ position: { x: 380, y: 400 } });
    await page.getByRole("navigation").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Open the list of conversations" }).click();
    await page.getByRole("button", { name: "Close the list of conversations" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("navigation").waitFor({ state: "hidden" });
    const label = await page.evaluate("document.activeElement?.getAttribute('aria-label')");
    expect(label).toBe("Open the list of conversations");
    await page.context().close();
  });

  test("everything can be reached by keyboard, and what has the focus shows it", async () => {
    const page = await stage.open();
    await page.keyboard.press("Control+k");
    expect(await page.evaluate("document.activeElement?.id")).toBe("search");
    await page.keyboard.press("Control+/");
    await page.getByRole("dialog", { name: "Settings" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Shift+O");
    await page.locator(".welcome").waitFor();
    await page.keyboard.press("Alt+ArrowDown");
    await log(page).getByText("Show me everything").waitFor();
    const seen = new Set<string>();
    await page.evaluate("document.activeElement?.blur()");
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const at = (await page.evaluate(`(() => {
        const one = document.activeElement;
        if (one === document.body) return ["", ""];
        const style = getComputedStyle(one.closest(".composer-box") ?? one);
        return [one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 30), style.outlineStyle];
      })()`)) as [string, string];
      if (at[0] !== "") expect(at, `Tab ${i}`).toEqual([at[0], expect.not.stringMatching("none")]);
      seen.add(at[0]);
    }
    for (const name of [
      "New conversation",
      "Message",
      "Copy the answer",
      "Answer anew, in a branch",
      "Ask again",
    ]) {
      expect([...seen]).toContain(name);
    }
    await page.context().close();
  });

  test("skipping goes to the message and stays in the conversation, and a closed dialog gives the focus back", async () => {
    const page = await stage.open();
    await log(page).getByText("Show me everything").waitFor();
    await page.keyboard.press("Control+Shift+O");
    await page.locator(".welcome").waitFor();
    await page
      .getByRole("button", { name: /^Show me everything|^Untitled/ })
      .last()
      .click();
    await page.locator(".skip").focus();
    const before = page.url();
    await page.keyboard.press("Enter");
    expect([await page.evaluate("document.activeElement?.id"), page.url()]).toEqual(["message", before]);
    const menu = page.getByRole("button", { name: "What to do with this conversation" });
    await menu.click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe(
      "What to do with this conversation",
    );
    await page.context().close();
  });

  test("appearance and language are chosen, at once and for the next time", async () => {
    const page = await stage.open();
    const paper = (): Promise<string> =>
      page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const light = await paper();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("radio", { name: "Dark" }).check();
    expect(await paper()).not.toBe(light);
    await page.getByRole("radio", { name: "Українська" }).check();
    await page.getByRole("heading", { name: "Налаштування" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Нова розмова", exact: true }).waitFor();
    expect(await page.evaluate("document.documentElement.lang")).toBe("uk");
    expect(await paper()).not.toBe(light);
    await page.context().close();
  });

  test("whoever listens hears that an answer is written, and then the whole of it, once", async () => {
    const page = shared;
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    const said: string[] = [];
    await page.exposeFunction("heard", (text: string) => said.push(text));
    await page.evaluate(`new MutationObserver(() => heard(document.querySelector(".frame > .unseen").textContent))
      .observe(document.querySelector(".frame > .unseen"), { childList: true, characterData: true, subtree: true })`);
    stage.model.enqueue({ tokens: ["One ", "**two** ", "three."], gapMs: 60 });
    await say(page, "Count");
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    await until(() => said.some((text) => text.includes("three")));
    expect(said).toEqual(["Ana is answering.", "Ana: One two three."]);
  });

  test("each text runs in its own direction, code always from the left", async () => {
    const page = shared;
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    stage.model.enqueue({ text: "مرحبا بالعالم\n\n```sh\nls -la\n```" });
    await say(page, "שלום");
    await lastAnswer(page).locator("pre").waitFor();
    const direction = (selector: string): Promise<string> =>
      page.evaluate(
        `getComputedStyle([...document.querySelectorAll(${JSON.stringify(selector)})].at(-1)).direction`,
      );
    expect(await direction(".question .said")).toBe("rtl");
    expect(await direction(".answer .said")).toBe("rtl");
    expect(await direction(".answer pre")).toBe("ltr");
  });

  test("nothing moves for those who asked for less motion", async () => {
    const held = gate();
    const page = shared;
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    stage.model.enqueue({ text: "Calm.", after: held.wait });
    await say(page, "Slowly");
    await page.locator(".pulse").waitFor();
    expect(await page.evaluate("document.getAnimations().length")).toBe(0);
    held.open();
    await log(page).getByText("Calm.").waitFor();
  });

  test("signing out ends at the door", async () => {
    const page = await stage.open();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign this browser in" }).waitFor();
    await page.goto(stage.address);
    await page.getByRole("heading", { name: "Sign this browser in" }).waitFor();
    expect(await field(page).count()).toBe(0);
    expect(stage.complaints).toEqual([]);
    await page.context().close();
  });
});
