import { expect, test } from "vitest";
import { withPlainMath } from "./math.ts";

test.each([
  ["so \\(a+b\\) is", "so $$a+b$$ is"],
  ["so $a_1+b$ is", "so $$a_1+b$$ is"],
  ["\\[x^2\\]", "\n$$\nx^2\n$$\n"],
  ["$$E=mc^2$$", "\n$$\nE=mc^2\n$$\n"],
  ["$$\nx\n$$", "$$\nx\n$$"],
])("%j is mathematics", (text, plain) => {
  expect(withPlainMath(text)).toBe(plain);
});

test.each([
  "It costs $5, or $10 for two.",
  "from $5 to $6 or so",
  "US$ 5 and US$ 6",
  "`$a$` and `\\(b\\)`",
  "```sh\necho $HOME $PATH\n```",
  "```sh\necho $HOME, $PATH$ that is still being written",
  "a \\$5 and \\$6 b",
])("%j is none", (text) => {
  expect(withPlainMath(text)).toBe(text);
});
