import type { Locator, Page } from "playwright-core";

/** What a person does at the page and sees there. */

export const field = (page: Page): Locator => page.getByRole("textbox", { name: "Message" });

export async function say(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

export const log = (page: Page): Locator => page.getByRole("region", { name: /^Conversation with/ });

/** Everything that is shown of the last answer. */
export const lastAnswer = (page: Page): Locator =>
  log(page)
    .getByRole("article", { name: /^(?!You)/ })
    .last();

/** The conversation as it reads: each question and answer, without times and buttons. */
export async function reading(page: Page): Promise<string[]> {
  const said = await log(page).locator(".said").allInnerTexts();
  return said.map((text) => text.trim());
}

const WITHIN_MS = 15_000;

/** Rejects when it is not so in time: a test that waits on would go on behind the next ones. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + WITHIN_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`It was not so in ${WITHIN_MS} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** An empty conversation with the first agent. */
export async function beginNew(page: Page): Promise<void> {
  await page.getByRole("button", { name: "New conversation", exact: true }).click();
  await page.getByRole("heading", { name: "Talk with Ana" }).waitFor();
}

export function gate(): { readonly wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}
