import type { DirectCall } from "@troupe/contracts";
import { splitSaidTime } from "../kit/index.ts";
import { type ToolText, tell } from "./catalogue/index.ts";

/** A command that people type, and the tool that serves it without a model. */
export interface Command {
  /** The first is the one that help shows. */
  readonly names: readonly string[];
  readonly tool: string;
  /** Makes the tool's input of what follows the name, trimmed. */
  readonly input: (rest: string) => unknown;
  /** Words that may follow the name, and the tools that serve them with what follows in turn as `job`. */
  readonly verbs?: Readonly<Record<string, string>>;
  readonly help: ToolText;
  /** Does not wait for the turn that runs: it ends it. */
  readonly interrupts?: boolean;
}

const optional =
  (field: string) =>
  (rest: string): unknown =>
    rest === "" ? {} : { [field]: rest };

/** `/remind in 10 minutes to stretch`, or the text first and the time at its end. */
function reminderInput(rest: string): unknown {
  const split = splitSaidTime(rest);
  return split === undefined ? { text: rest } : { text: split.rest, when: split.when };
}

const JOB_VERBS: Readonly<Record<string, string>> = {
  pause: "job_pause",
  resume: "job_resume",
  cancel: "job_cancel",
  stop: "job_cancel",
  призупини: "job_pause",
  віднови: "job_resume",
  скасуй: "job_cancel",
};

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
  { names: ["memory", "памʼять"], tool: "list_memories", input: optional("about"), help: "help.memory" },
  { names: ["forget", "забудь"], tool: "forget", input: (rest) => ({ what: rest }), help: "help.forget" },
  { names: ["remind", "нагадай"], tool: "remind_me", input: reminderInput, help: "help.remind" },
  {
    names: ["jobs", "reminders", "завдання", "нагадування"],
    tool: "job_list",
    input: () => ({}),
    verbs: JOB_VERBS,
    help: "help.jobs",
  },
  { names: ["why", "чому"], tool: "why", input: optional("about"), help: "help.why" },
  {
    names: ["storyline", "storylines", "теми"],
    tool: "storyline",
    input: optional("choice"),
    help: "help.storyline",
  },
  { names: ["compact", "стисни"], tool: "compact", input: () => ({}), help: "help.compact" },
  { names: ["sessions", "розмови"], tool: "list_sessions", input: () => ({}), help: "help.sessions" },
  { names: ["link", "звʼяжи"], tool: "link", input: optional("code"), help: "help.link" },
  { names: ["inbox", "скринька"], tool: "inbox", input: () => ({}), help: "help.inbox" },
  { names: ["back", "назад"], tool: "hand_back", input: () => ({}), help: "help.back" },
  { names: ["stop", "стоп"], tool: "stop", input: () => ({}), help: "help.stop", interrupts: true },
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
  const rest = (read?.[2] ?? "").trim();
  const [verb = "", ...more] = rest.split(/\s+/);
  const { verbs = {} } = command;
  const tool = Object.hasOwn(verbs, verb.toLowerCase()) ? verbs[verb.toLowerCase()] : undefined;
  return tool === undefined
    ? {
        ...{ tool: command.tool, input: command.input(rest) },
        ...(command.interrupts === true ? { interrupts: true } : {}),
      }
    : { tool, input: { job: more.join(" ") } };
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
