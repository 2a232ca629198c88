import { Command } from "commander";
import { troupeVersion } from "../app/index.ts";
import { add, group, paged } from "./add-command.ts";
import { addAgentMessages } from "./agent-message-commands.ts";
import { addDeadLetters } from "./dlq-commands.ts";
import { addExamples } from "./examples.ts";
import { addFlows } from "./flow-commands.ts";
import { addInbox } from "./inbox-commands.ts";
import { addJobs } from "./job-commands.ts";
import { addKeeping, addSetup } from "./keeping-commands.ts";
import { addKnowledge } from "./knowledge-commands.ts";
import { addMemory } from "./memory-commands.ts";
import { addMoney } from "./money-commands.ts";
import { addPersons } from "./person-commands.ts";
import { addSessions } from "./session-commands.ts";
import { addStorylines } from "./storyline-commands.ts";
import { addWorkspaces } from "./workspace-commands.ts";

/** Commands of the design that a later version brings. */
const PLANNED: readonly string[] = [
  ...["tool", "approval", "channel"],
  ...["pair", "ext", "user", "mcp", "export"],
];

/** The command line. A command's code is loaded when it is called. `isJson`: misuse is told to a program. */
export function createProgram({ isJson = false }: { readonly isJson?: boolean } = {}): Command {
  const program = new Command("troupe")
    .description("A cast of AI agents that lives on your machine.")
    .version(troupeVersion(), "-v, --version")
    .option("--json", "print one JSON value, for programs")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: termOf })
    .configureOutput({ outputError: (text, write) => write(isJson ? misuse(text) : sentence(text)) })
    .showHelpAfterError(isJson ? false : "./troupe --help lists all commands.")
    .exitOverride();
  addServing(program);
  addSetup(program);
  addConfig(program);
  addSessions(program);
  addStorylines(program);
  addPersons(program);
  addInbox(program);
  addJobs(program);
  addFlows(program);
  addTurns(program);
  addKeys(program);
  addSecrets(program);
  addKeeping(program);
  addMemory(program);
  addKnowledge(program);
  addWorkspaces(program);
  addDeadLetters(program);
  addModels(program);
  addMoney(program);
  for (const name of PLANNED) addPlanned(program, name);
  addCompletion(program);
  addExamples(program);
  return program;
}

/** `chat [text]`; that every command takes options needs no saying. */
function termOf(command: Command): string {
  const words = command.registeredArguments.map((word) =>
    word.required ? `<${word.name()}>` : `[${word.name()}${word.variadic ? "…" : ""}]`,
  );
  return [command.name(), ...words].join(" ");
}

/** `error: unknown command 'x'` as a sentence. */
function sentence(text: string): string {
  const [first = "", ...rest] = text.replace(/^error: /, "").split("\n");
  const ended = /[.?)]$/.test(first) ? first : `${first}.`;
  return [ended.charAt(0).toUpperCase() + ended.slice(1), ...rest].join("\n");
}

function misuse(text: string): string {
  const message = sentence(text).trim().replaceAll("\n", " ");
  return `${JSON.stringify({ error: { code: "request.invalid", message } })}\n`;
}

function addServing(program: Command): void {
  add(program, "up", "start Troupe and serve until stopped", async (context, options) =>
    (await import("./commands/up.ts")).up(context, options),
  )
    .option(
      "--role <role>",
      "what this process does of the work, beside others on the same PostgreSQL and NATS: all, gateway, agent or worker",
      "all",
    )
    .option("--lanes <lanes>", "run effects in these lanes alone, as realtime,background; others do the rest")
    .option("--concurrency <n>", "so many effects at once in each lane, in place of lanes.NAME.parallel");
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
  add(program, "doctor", "find what is wrong, say how it knows, offer the remedy", async (context, options) =>
    (await import("./commands/doctor.ts")).doctor(context, options),
  )
    .option("--fix", "do the safe remedies, without asking, and say what was done")
    .option("--live", "ask each configured model one short real question");
  add(
    program,
    "migrate",
    "bring the database up to date, or move the home to PostgreSQL",
    async (context, options) => (await import("./commands/migrate.ts")).migrate(context, options),
  )
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--to <url>", "move to this empty database, postgres://USER@HOST/DATABASE");
  add(program, "reload", "take over changed settings and agents", async (context) =>
    (await import("./commands/reload.ts")).reload(context),
  );
}

function addCompletion(program: Command): void {
  add(
    program,
    "completion <shell>",
    "print what makes a shell complete commands, options and agents: bash, zsh or fish",
    async (context, _options, shell = "") =>
      (await import("./commands/completion.ts")).printCompletion(context, program, shell),
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
  const agent = group(
    program,
    "agent",
    "agents: list, show, add from a template, check their files, see what they say to one another",
  );
  add(agent, "list", "list the agents", async (context) =>
    (await import("./commands/agent.ts")).listAgents(context),
  );
  add(agent, "show <id>", "print one agent", async (context, _options, id = "") =>
    (await import("./commands/agent.ts")).showAgent(context, id),
  );
  addAgentFiles(agent);
  addAgentMessages(agent);
  add(agent, "validate [id]", "check agents/*.yaml, or one of them", async (context, _options, id) =>
    (await import("./commands/agent.ts")).validateAgents(context, id),
  );
}

function addAgentFiles(agent: Command): void {
  add(agent, "templates", "list what an agent can be made from", async (context) =>
    (await import("./commands/agent-files.ts")).listTemplates(context),
  );
  add(agent, "add <id>", "write agents/ID.yaml from a template", async (context, options, id = "") =>
    (await import("./commands/agent-files.ts")).addAgentFile(context, options, id),
  )
    .option("--from <template>", "one of agent templates", "helper")
    .option("--name <name>", "what people call it; default: the id with a capital letter")
    .option("--model <name>", "a name of troupe.yaml's models, or provider/model", "default");
  add(agent, "remove <id>", "take an agent's file out of the way", async (context, _options, id = "") =>
    (await import("./commands/agent-files.ts")).removeAgentFile(context, id),
  );
}

function addTurns(program: Command): void {
  const turn = group(program, "turn", "turns: one message's whole life");
  paged(
    add(turn, "list", "list turns, the latest first", async (context, options) =>
      (await import("./commands/turn.ts")).listTurns(context, options),
    ),
    20,
  )
    .option("--state <state>", "only queued, running, replied, failed, cancelled, suppressed or dead ones")
    .option("--session <id>", "only those of one conversation");
  add(turn, "show <id>", "print everything that happened to one message", async (context, options, id = "") =>
    (await import("./commands/turn.ts")).showTurn(context, options, id),
  ).option("--prompt", "what its prompt was made of: each block with its size, and why it was there");
  add(turn, "cancel <id>", "stop a turn that waits or runs", async (context, _options, id = "") =>
    (await import("./commands/turn.ts")).cancelTurn(context, id),
  );
  addTapes(turn);
}

function addTapes(turn: Command): void {
  add(
    turn,
    "tape <id>",
    "print what a recorded turn asked and was answered, as JSON Lines",
    async (context, options, id = "") => (await import("./commands/tape.ts")).showTape(context, options, id),
  ).option("--out <file>", "write it there; an existing file is not touched");
  add(
    turn,
    "replay <id>",
    "run a recorded turn again without any model or tool, and say whether it comes to the same",
    async (context, options, id = "") =>
      (await import("./commands/tape.ts")).replayTurn(context, options, id),
  )
    .option("--file <file>", "from a tape that turn tape wrote")
    .option("--timing", "with the pauses that the models made");
}

function addKeys(program: Command): void {
  const key = group(program, "key", "keys and browsers: make, list, revoke");
  add(key, "create", "make a key; it is shown once", async (context, options) =>
    (await import("./commands/key.ts")).createKey(context, options),
  )
    .requiredOption("--name <name>", "what it is for")
    .option("--operator", "may do everything, not only what is its own");
  add(key, "link", "make a link that signs one browser in", async (context, options) =>
    (await import("./commands/key.ts")).makeLink(context, options),
  ).option("--key <id>", "the browser acts for this key instead of for the operator");
  add(key, "list", "list the keys and the browsers that are signed in", async (context) =>
    (await import("./commands/key.ts")).listKeys(context),
  );
  add(key, "revoke <id>", "refuse a key or a browser from now on", async (context, _options, id = "") =>
    (await import("./commands/key.ts")).revokeKey(context, id),
  );
}

function addSecrets(program: Command): void {
  const secret = group(program, "secret", "secrets such as model keys: set, list, remove, rotate");
  add(
    secret,
    "set <name>",
    "keep a secret, sealed; it is asked for, or read from a file or standard input",
    async (context, options, name = "") =>
      (await import("./commands/secret.ts")).setSecret(context, options, name),
  ).option("--from-file <file>", "read it from this file");
  add(secret, "list", "list names and dates, never values", async (context) =>
    (await import("./commands/secret.ts")).listSecrets(context),
  );
  add(secret, "remove <name>", "forget a secret", async (context, _options, name = "") =>
    (await import("./commands/secret.ts")).removeSecret(context, name),
  );
  add(secret, "rotate", "seal all secrets with a new key", async (context, options) =>
    (await import("./commands/secret.ts")).rotateSecrets(context, options),
  ).option("--master", "change the master key instead");
}

function addModels(program: Command): void {
  const model = group(program, "model", "models: which ones the providers have");
  add(model, "list", "list models with what they read, can do and cost", async (context, options) =>
    (await import("./commands/model.ts")).listModels(context, options),
  ).option("--provider <name>", "only of this provider");
}

function addPlanned(program: Command, name: string): void {
  program
    .command(name, { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .action(() => program.error(`./troupe ${name} is not in this version.`, { exitCode: 2 }));
}
