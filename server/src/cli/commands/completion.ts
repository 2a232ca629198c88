import { TroupeError } from "@troupe/contracts";
import type { Command } from "commander";
import { completionOf } from "../completion/completion.ts";
import type { CommandContext } from "../context.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export async function printCompletion(
  { output }: CommandContext,
  program: Command,
  asked: string,
): Promise<void> {
  const shell = SHELLS.find((known) => known === asked);
  if (shell === undefined) {
    throw new TroupeError(`Troupe completes for ${SHELLS.join(", ")}, not for "${asked.slice(0, 40)}".`, {
      code: "request.invalid",
    });
  }
  const script = completionOf(program, shell);
  output.result({ shell, script }, () => script.trimEnd());
}
