import { Command } from "commander";
import { troupeVersion } from "../app/index.ts";
import type { CommandContext } from "./context.ts";

/** Commands of the design that a later version brings. */
const PLANNED: readonly string[] = [
  ...["setup", "job", "flow", "dlq", "memory", "storyline", "person", "inbox", "tool", "approval", "channel"],
  ...["pair", "ext", "secret", "user", "usage", "mcp", "migrate", "backup", "restore", "export"],
];

type Options = Readonly<Record<string, unknown>>;
type Run = (context: CommandContext, options: Options, ...words: readonly string[]) => Promise<void>;

/** The command line. A command's code is loaded when it is called. */
export function createProgram(): Command {
  const program = new Command("troupe")
    .description("A cast of AI agents that lives on your machine.")
    .version(troupeVersion(), "-v, --version")
    .option("--json", "print one JSON value, for programs")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: termOf })
    .configureOutput({ outputError: (text, write) => write(sentence(text)) })
    .showHelpAfterError("./troupe --help lists all commands.")
    .exitOverride();
  addServing(program);
  addConfig(program);
  addLists(program);
  addKeys(program);
  for (const name of PLANNED) addPlanned(program, name);
  return program;
}

/** `chat [text]`; that every command takes options needs no saying. */
function termOf(command: Command): string {
  const words = command.registeredArguments.map((word) =>
    word.required ? `<${word.name()}>` : `[${word.name()}]`,
  );
  return [command.name(), ...words].join(" ");
}

/** `error: unknown command 'x'` as a sentence. */
function sentence(text: string): string {
  const [first = "", ...rest] = text.replace(/^error: /, "").split("\n");
  const ended = /[.?)]$/.test(first) ? first : `${first}.`;
  return [ended.charAt(0).toUpperCase() + ended.slice(1), ...rest].join("\n");
}

function add(parent: Command, usage: string, description: string, run: Run): Command {
  const command = parent
    .command(usage)
    .description(description)
    .option("--json", "print one JSON value, for programs");
  return command.exitOverride().action(async (...given: readonly unknown[]) => {
    const words = given.slice(0, -2).filter((word): word is string => typeof word === "string");
    const options = command.optsWithGlobals<Options>();
    const { createContext } = await import("./context.ts");
    await run(createContext({ json: options.json === true }), options, ...words);
  });
}

function addServing(program: Command): void {
  add(program, "up", "start Troupe and serve until stopped", async (context) =>
    (await import("./commands/up.ts")).up(context),
  );
  add(
    program,
    "chat [text]",
    "talk with an agent; with a text or piped input, ask once",
    async (context, options, text) => (await import("./commands/chat.ts")).chat(context, options, text),
  )
    .option("--agent <id>", "whom to talk with")
    .option("--session <key>", "continue this conversation")
    .option("--new", "begin a new conversation");
  add(program, "status", "what runs, what waits and since when", async (context) =>
    (await import("./commands/status.ts")).status(context),
  );
  add(program, "doctor", "find what is wrong, say how it knows, offer the remedy", async (context) =>
    (await import("./commands/doctor.ts")).doctor(context),
  );
  add(program, "reload", "take over changed settings and agents", async (context) =>
    (await import("./commands/reload.ts")).reload(context),
  );
}

function addConfig(program: Command): void {
  const config = group(program, "config", "settings: check them, show them");
  add(config, "check", "say all that is wrong with the settings and agents", async (context) =>
    (await import("./commands/config.ts")).checkConfig(context),
  );
  add(config, "show", "print the settings in force, defaults included, secrets left out", async (context) =>
    (await import("./commands/config.ts")).showSettings(context),
  );
  add(config, "schema", "print the JSON Schemas of troupe.yaml and agents/*.yaml", async (context) =>
    (await import("./commands/config.ts")).printSchema(context),
  );
  const agent = group(program, "agent", "agents: list, show, check their files");
  add(agent, "list", "list the agents", async (context) =>
    (await import("./commands/agent.ts")).listAgents(context),
  );
  add(agent, "show <id>", "print one agent", async (context, _options, id = "") =>
    (await import("./commands/agent.ts")).showAgent(context, id),
  );
  add(agent, "validate [id]", "check agents/*.yaml, or one of them", async (context, _options, id) =>
    (await import("./commands/agent.ts")).validateAgents(context, id),
  );
}

function addLists(program: Command): void {
  const session = group(program, "session", "conversations: list, show");
  add(session, "list", "list conversations, the latest first", async (context, options) =>
    (await import("./commands/session.ts")).listSessions(context, options),
  )
    .option("--limit <n>", "at most so many", "20")
    .option("--agent <id>", "only those of one agent")
    .option("--all", "calls that brought their own history too");
  add(session, "show <id>", "print a conversation's messages", async (context, options, id = "") =>
    (await import("./commands/session.ts")).showSession(context, options, id),
  ).option("--limit <n>", "at most so many messages, the latest", "50");
  const turn = group(program, "turn", "turns: one message's whole life");
  add(turn, "list", "list turns, the latest first", async (context, options) =>
    (await import("./commands/turn.ts")).listTurns(context, options),
  )
    .option("--limit <n>", "at most so many", "20")
    .option("--state <state>", "only queued, running, replied, failed, cancelled, suppressed or dead ones")
    .option("--session <id>", "only those of one conversation");
  add(
    turn,
    "show <id>",
    "print everything that happened to one message",
    async (context, _options, id = "") => (await import("./commands/turn.ts")).showTurn(context, id),
  );
  add(turn, "cancel <id>", "stop a turn that waits or runs", async (context, _options, id = "") =>
    (await import("./commands/turn.ts")).cancelTurn(context, id),
  );
}

function addKeys(program: Command): void {
  const key = group(program, "key", "API keys: make, list, revoke");
  add(key, "create", "make a key; it is shown once", async (context, options) =>
    (await import("./commands/key.ts")).createKey(context, options),
  )
    .requiredOption("--name <name>", "what it is for")
    .option("--operator", "may do everything, not only what is its own");
  add(key, "list", "list the keys", async (context) => (await import("./commands/key.ts")).listKeys(context));
  add(key, "revoke <id>", "refuse a key from now on", async (context, _options, id = "") =>
    (await import("./commands/key.ts")).revokeKey(context, id),
  );
}

function group(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).helpCommand(false).exitOverride();
}

function addPlanned(program: Command, name: string): void {
  program
    .command(name, { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .action(() => program.error(`./troupe ${name} is not in this version.`, { exitCode: 2 }));
}
