import type { Command } from "commander";
import type { CommandContext } from "./context.ts";

export type Options = Readonly<Record<string, unknown>>;
export type Run = (context: CommandContext, options: Options, ...words: readonly string[]) => Promise<void>;

/** A command that takes `--json`. Its code is loaded when it is called. */
export function add(parent: Command, usage: string, description: string, run: Run): Command {
  const command = parent
    .command(usage)
    .description(description)
    .option("--json", "print one JSON value, for programs");
  return command.exitOverride().action(async (...given: readonly unknown[]) => {
    const words = given
      .slice(0, -2)
      .flat()
      .filter((word): word is string => typeof word === "string");
    const options = command.optsWithGlobals<Options>();
    const { createContext } = await import("./context.ts");
    await run(createContext({ json: options.json === true }), options, ...words);
  });
}

/** A command that prints a list page by page. */
export function paged(command: Command, limit: number): Command {
  return command
    .option("--limit <n>", "at most so many", String(limit))
    .option("--cursor <cursor>", "go on where the list before ended");
}

/** A word that others follow: `session`, `key`. */
export function group(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).helpCommand(false).exitOverride();
}
