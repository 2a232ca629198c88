import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { beginNew, field, gate, lastAnswer, log, reading, say, until } from "./hands.ts";
import { HAS_NO_CHROMIUM, openStage, PATIENCE, PATIENCE_MS, type Stage } from "./stage.ts";

const MARKDOWN = `## A plan

1. Use \`ls\`

| tool | cost |
|---|---:|
| ls | 1 |

\`\`\`ts
const answer: number = 42;
\`\`\`

Euler: $e^{i\\pi}+1=0$. It costs $5 or $10. <b>raw</b> ![a picture](https://elsewhere.example/secret.png)`;

describe.skipIf(HAS_NO_CHROMIUM)("talking in the chat page, in Chromium", PATIENCE, () => {
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
    stage.model.setRule(({ messages }) => ({ text: `You said: ${messages.at(-1)?.content}` }));
    await beginNew(page);
  });

  test("a link opens the page signed in, once; a second time it says so and what to do", async () => {
    const link = await stage.link();
    const first = await stage.openStranger();
    await first.goto(link);
    await field(first).waitFor();
    expect(first.url()).not.toContain("start=");
    await first.reload();
    await field(first).waitFor();

    const second = await stage.openStranger();
    await second.goto(link);
    await second.getByText("works once").waitFor();
    await second.getByText("./troupe key link").waitFor();
    const code = new URL(await stage.link()).searchParams.get("start") ?? "";
    await second.getByLabel("Or type the code").fill(code.toLowerCase());
    await second.getByRole("button", { name: "Sign in" }).click();
    await field(second).waitFor();
  });

  test("an answer is read as it was meant: headings, tables, code in colours, mathematics, and nothing that could do harm", async () => {
    stage.model.enqueue({ text: MARKDOWN });
    await say(page, "Show me");
    const answer = lastAnswer(page);
    await answer.getByRole("heading", { name: "A plan" }).waitFor();
    await answer.getByRole("cell", { name: "ls" }).waitFor();
    await answer.locator(".hljs-keyword").waitFor();
    await answer.locator(".katex math").waitFor();
    expect(await answer.textContent()).toContain("It costs $5 or $10. <b>raw</b>");
    // The picture is a link: fetching it would tell its server that it was shown.
    expect(await answer.locator("img").count()).toBe(0);
    await answer.getByRole("link", { name: "a picture" }).waitFor();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await answer.locator(".code-block").getByRole("button", { name: "Copy" }).click();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe("const answer: number = 42;");
  });

  test("under an answer stand its time, tokens and cost, and behind them its steps and what its tools were asked", async () => {
    stage.model.enqueue(
      { toolCalls: [{ callId: "c1", name: "calculator", arguments: '{"expression":"6*7"}' }] },
      { text: "It is 42." },
    );
    await say(page, "What is 6*7?");
    const facts = lastAnswer(page).getByRole("button", { name: /How it came about/ });
    await facts.filter({ hasText: /\d+ (?:ms|sec) · 40 in, 10 out · \$0\.00009/ }).waitFor();
    await facts.click();
    await lastAnswer(page).locator("summary", { hasText: "calculator" }).click();
    await lastAnswer(page).getByText('{"expression":"6*7"}').waitFor();
    await lastAnswer(page).locator(".trace-what", { hasText: "commit" }).waitFor();
  });

  test("an answer goes on after the page is loaded again in the middle of it, and is there once", async () => {
    const held = gate();
    stage.model.enqueue(
      {
        text: "Let me see.",
        toolCalls: [{ callId: "c1", name: "calculator", arguments: '{"expression":"6*7"}' }],
      },
      { text: "It is 42.", after: held.wait },
    );
    await say(page, "What is 6*7?");
    await lastAnswer(page).getByText("calculator done").waitFor();
    await page.reload();
    await lastAnswer(page).getByText("Let me see.").waitFor();
    held.open();
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    const [question, answer, ...more] = await reading(page);
    expect([question, more]).toEqual(["What is 6*7?", []]);
    expect(answer?.match(/Let me see\.|It is 42\./g)).toEqual(["Let me see.", "It is 42."]);
  });

  test("an answer goes on after Troupe was stopped in the middle of it, and is there once", async () => {
    stage.model.enqueue({ tokens: ["Lost ", "words "], hang: "middle" });
    await say(page, "Tell me");
    await lastAnswer(page).getByText("Lost").waitFor();
    await stage.stop();
    await page.getByText("Troupe is away").waitFor();
    stage.model.setRule(() => ({ text: "Found words" }));
    await stage.start();
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    expect(await reading(page)).toEqual(["Tell me", "Found words"]);
    await page.getByText("Troupe is away").waitFor({ state: "detached" });
  });

  test("a message that is written while Troupe is away is sent once it is back", async () => {
    await stage.stop();
    await say(page, "Are you there?");
    await page.getByText("Sending…").waitFor();
    await stage.start();
    await log(page).getByText("You said: Are you there?").waitFor();
    await until(async () => (await reading(page)).length === 2);
    expect(await reading(page)).toEqual(["Are you there?", "You said: Are you there?"]);
  });

  test("a message that is written while Troupe is away is sent after the page was loaded again, once", async () => {
    await say(page, "First");
    await log(page).getByText("You said: First").waitFor();
    await page.route("**/messages", (route) => route.abort());
    await say(page, "Do not forget me");
    await page.getByText("Sending…").waitFor();
    await page.reload();
    await log(page).getByText("Do not forget me").waitFor();
    await page.unroute("**/messages");
    await log(page).getByText("You said: Do not forget me").waitFor();
    await until(async () => (await reading(page)).length === 4);
    await page.reload();
    await log(page).getByText("You said: Do not forget me").waitFor();
    expect(await reading(page)).toEqual([
      ...["First", "You said: First", "Do not forget me", "You said: Do not forget me"],
    ]);
  });

  test("words that are written while a new conversation gets its first answer stay where they are", async () => {
    const held = gate();
    await page.route("**/api/agents/*/messages", async (route) => {
      await held.wait;
      await route.continue();
    });
    await say(page, "Hello");
    await field(page).fill("and an");
    held.open();
    await log(page).getByText("You said: Hello").waitFor();
    expect(await field(page).inputValue()).toBe("and an");
    expect(await page.evaluate("document.activeElement?.id")).toBe("message");
    await page.unroute("**/api/agents/*/messages");
    await field(page).fill("");
  });

  test("asking again asks once, however often it is clicked, and with the files that were asked with", async () => {
    stage.model.enqueue({ status: 400, body: "{}" });
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Attach files" }).click();
    const buffer = Buffer.from("some notes");
    await (await chooser).setFiles([{ name: "notes.txt", mimeType: "text/plain", buffer }]);
    await say(page, "Read it");
    await lastAnswer(page).getByRole("button", { name: "Ask again" }).dblclick();
    await until(
      async () =>
        (await log(page)
          .getByRole("link", { name: /notes\.txt/ })
          .count()) >= 2,
    );
    await lastAnswer(page).getByRole("button", { name: "Copy the answer" }).waitFor();
    expect(await log(page).getByRole("article", { name: /^You/ }).count()).toBe(2);
  });

  test("an answer can be stopped, and what was asked can be asked again", async () => {
    stage.model.enqueue({ tokens: ["Very ", "long "], hang: "middle" });
    await say(page, "Go on for ever");
    await lastAnswer(page).getByText("Very").waitFor();
    await page.getByRole("button", { name: "Stop the answer" }).click();
    await lastAnswer(page).getByRole("button", { name: "Ask again" }).click();
    await log(page).getByText("You said: Go on for ever").waitFor();
  });

  test("a failed answer says why, with its reference, and can be asked for again", async () => {
    stage.model.enqueue({ status: 400, body: "{}" });
    await say(page, "Hello?");
    const trouble = lastAnswer(page).getByRole("alert");
    // First the live word of it, then the sentence that is kept.
    await trouble.getByText("I could not answer").waitFor();
    expect(await trouble.textContent()).toMatch(/I could not answer: .*Turn \w{26}/s);
    await trouble.getByRole("button", { name: "Ask again" }).click();
    await log(page).getByText("You said: Hello?").waitFor();
  });

  test("words that are not sent yet are there after a reload, and each conversation has its own", async () => {
    await say(page, "First");
    await log(page).getByText("You said: First").waitFor();
    await field(page).fill("half a tho");
    await page.reload();
    await until(async () => (await field(page).inputValue()) === "half a tho");
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    expect(await field(page).inputValue()).toBe("");
  });

  test("an answer that comes while another conversation is shown is marked until it is seen", async () => {
    const held = gate();
    stage.model.enqueue({ text: "Now I am done.", after: held.wait });
    await say(page, "Take your time");
    const side = page.getByRole("navigation");
    const item = side.getByRole("button", { name: /^Take your time/ }).first();
    await item.getByRole("img", { name: "is being answered" }).waitFor();
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    held.open();
    await item.getByRole("img", { name: "unread" }).waitFor();
    await item.click();
    await log(page).getByText("Now I am done.").waitFor();
    await item.getByRole("img", { name: "unread" }).waitFor({ state: "detached" });
  });

  test("commands complete themselves, by keyboard alone", async () => {
    await field(page).pressSequentially("/ca");
    await page.getByRole("option", { name: /calc/ }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type("6*7");
    await page.keyboard.press("Enter");
    await log(page).getByText("42").waitFor();
    await field(page).pressSequentially("/");
    await page.getByRole("listbox", { name: "Commands" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("listbox").waitFor({ state: "detached" });
  });

  test("lines of a command's answer stay lines", async () => {
    await say(page, "/help");
    await lastAnswer(page).getByText("/why").waitFor();
    expect((await reading(page)).at(-1)?.split("\n").length).toBeGreaterThan(3);
  });

  test("no script failed, and nothing asked for more than the page's policy allows", () => {
    expect(stage.complaints).toEqual([]);
  });
});
