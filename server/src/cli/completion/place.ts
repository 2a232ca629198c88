import type { Command } from "commander";
import { isHidden } from "../examples.ts";

/** What may follow a line of words: `""` after the program itself, `session list` after that command. */
export interface Place {
  readonly path: string;
  /** Commands below it, with what they do. */
  readonly words: readonly Described[];
  readonly options: readonly Described[];
  /** Options whose value is an agent's id. */
  readonly agentOptions: readonly string[];
  /** Its first argument is an agent's id. */
  readonly takesAgent: boolean;
  /** Words that its first argument may be. */
  readonly choices: readonly string[];
}

export interface Described {
  readonly word: string;
  readonly what: string;
}

/** Commands whose first argument is an agent's id. */
const AGENT_COMMANDS = new Set(["agent show", "agent validate", "agent remove"]);
const CHOICES: Readonly<Record<string, readonly string[]>> = { completion: ["bash", "zsh", "fish"] };

export function placesOf(command: Command, names: readonly string[]): readonly Place[] {
  const path = names.join(" ");
  const below = command.commands.filter((one) => !isHidden(one));
  const options = command.options.map((option) => ({
    word: option.long ?? option.short ?? "",
    what: option.description,
  }));
  const place: Place = {
    path,
    words: below.map((one) => ({ word: one.name(), what: one.description() })),
    options: [...options, { word: "--help", what: "what this command does, with an example" }],
    agentOptions: options.map(({ word }) => word).filter((word) => word === "--agent"),
    takesAgent: AGENT_COMMANDS.has(path),
    choices: CHOICES[path] ?? [],
  };
  return [place, ...below.flatMap((one) => placesOf(one, [...names, one.name()]))];
}

/** A text in single quotes, as all three shells read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Reads the agents' ids from the names of their files; in a POSIX shell. */
export const AGENT_FILES = '"${TROUPE_HOME:-$HOME/.troupe}"/agents/*.yaml';
