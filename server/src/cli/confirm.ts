import { createInterface } from "node:readline/promises";
import { TroupeError } from "@troupe/contracts";

/**
 * Asks at the terminal. Throws `request.invalid` where nobody can answer, with `unasked`; `turn.cancelled` where the answer is
 * not yes, with `nothing`.
 */
export async function confirm(
  question: string,
  { unasked, nothing }: { readonly unasked: string; readonly nothing: string },
): Promise<void> {
  if (process.stdin.isTTY !== true) throw new TroupeError(unasked, { code: "request.invalid" });
  using lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D are answers too.
  const answer = await lines.question(`${question} Type yes: `).catch(() => "\n");
  if (answer === "\n") process.stderr.write(answer);
  if (answer.trim().toLowerCase() !== "yes") throw new TroupeError(nothing, { code: "turn.cancelled" });
}
