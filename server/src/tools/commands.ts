import type { DirectCall } from "@troupe/contracts";
import { type ToolText, tell } from "./catalogue/index.ts";

/** A command that people type, and the tool that serves it without a model. */
export interface Command {
  /** The first is the one that help shows. */
  readonly names: readonly string[];
  readonly tool: string;
  /** Makes the tool's input of what follows the name, trimmed. */
  readonly input: (rest: string) => unknown;
  readonly help: ToolText;
}

const optional =
  (field: string) =>
  (rest: string): unknown =>
    rest === "" ? {} : { [field]: rest };

export const COMMANDS: readonly Command[] = [
  { names: ["time", "час"], tool: "time", input: optional("timeZone"), help: "help.time" },
  { names: ["roll", "dice", "кинь"], tool: "dice", input: optional("notation"), help: "help.roll" },
  {
    names: ["calc", "порахуй"],
    tool: "calculator",
    input: (rest) => ({ expression: rest }),
    help: "help.calc",
  },
  {
    names: ["remember", "запамʼятай"],
    tool: "remember",
    input: (rest) => ({ text: rest }),
    help: "help.remember",
  },
  { names: ["recall", "згадай"], tool: "recall", input: optional("query"), help: "help.recall" },
  { names: ["why", "чому"], tool: "why", input: () => ({}), help: "help.why" },
  { names: ["sessions", "розмови"], tool: "list_sessions", input: () => ({}), help: "help.sessions" },
  { names: ["inbox", "скринька"], tool: "inbox", input: () => ({}), help: "help.inbox" },
  { names: ["whoami", "хто-я"], tool: "whoami", input: () => ({}), help: "help.whoami" },
  { names: ["help", "start", "довідка"], tool: "help", input: () => ({}), help: "help.help" },
];

const BY_NAME: ReadonlyMap<string, Command> = new Map(
  COMMANDS.flatMap((command) => command.names.map((name) => [name, command] as const)),
);

/** `/name`, or `/name@bot` as group chats write it, then the rest. */
const COMMAND = /^\s*\/([\p{L}\d_'’ʼ-]+)(?:@[\w.-]+)?(?:\s+([\s\S]*))?$/u;

/** The call that a typed command means; undefined for text that is none and for unknown commands. */
export function parseCommand(text: string): DirectCall | undefined {
  const read = COMMAND.exec(text);
  const command = BY_NAME.get((read?.[1] ?? "").toLowerCase().replace(/['’]/g, "ʼ"));
  if (command === undefined) return undefined;
  return { tool: command.tool, input: command.input((read?.[2] ?? "").trim()) };
}

/** A command as a list shows it: `/roll [2d6+1]`, and what it does. */
export interface CommandHelp {
  readonly names: readonly string[];
  readonly usage: string;
  readonly help: string;
}

/** Every command, in the language of the tag. */
export function commandHelp(tag: string): readonly CommandHelp[] {
  return COMMANDS.map(({ names, help }) => {
    const [usage = "", ...rest] = tell(tag, help).split(": ");
    return { names, usage, help: rest.join(": ") };
  });
}
