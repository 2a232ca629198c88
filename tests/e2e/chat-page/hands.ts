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

export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 25));
}

export function gate(): { readonly wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}
