import type { Command } from "commander";

/** What to type, by command: shown at the end of its help. A test walks all commands and misses none. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  up: ["./troupe up", "./troupe up --json > ready.json"],
  chat: [
    "./troupe chat",
    './troupe chat --agent kate "tell me a story"',
    "git diff | ./troupe chat 'what changed here?'",
  ],
  status: ["./troupe status", "./troupe status --json"],
  doctor: ["./troupe doctor", "./troupe doctor --fix", "./troupe doctor --live --json"],
  setup: [
    "./troupe setup",
    "./troupe setup --provider openrouter --model openai/gpt-5-mini --key-from-file key.txt --yes",
    "./troupe setup --provider openai-compatible --base-url http://127.0.0.1:8000/v1 --model llama3.2 --yes --json",
  ],
  reload: ["./troupe reload"],
  migrate: [
    "./troupe migrate --dry-run",
    "createdb troupe && ./troupe migrate --to postgres://troupe@localhost/troupe",
  ],
  completion: ["./troupe completion bash > ~/.local/share/bash-completion/completions/troupe"],
  "config check": ["./troupe config check"],
  "config show": ["./troupe config show --json"],
  "config schema": ["./troupe config schema > schemas.json"],
  "model list": ["./troupe model list", "./troupe model list --provider cloud --json"],
  "agent list": ["./troupe agent list"],
  "agent show": ["./troupe agent show ana"],
  "agent validate": ["./troupe agent validate", "./troupe agent validate ana"],
  "agent templates": ["./troupe agent templates"],
  "agent add": [
    "./troupe agent add vera --from researcher",
    './troupe agent add max --from helper --name "Max"',
  ],
  "agent remove": ["./troupe agent remove vera"],
  "session list": ["./troupe session list", "./troupe session list --query 'train tickets'"],
  "session show": ["./troupe session show 01JD8Q2V… --limit 10"],
  "session rename": [
    './troupe session rename 01JD8Q2V… "Moving to Lviv"',
    "./troupe session rename 01JD8Q2V…",
  ],
  "session delete": ["./troupe session delete 01JD8Q2V…"],
  "session branch": [
    "./troupe session branch 01JD8Q2V… --at 4",
    "./troupe session branch 01JD8Q2V… --at 5 --before",
  ],
  "session retry": ["./troupe session retry 01JD8Q2V…", './troupe session retry 01JD8Q2V… "shorter, please"'],
  "session compare": ["./troupe session compare 01JD8Q2V… 01JD8R7K…"],
  "session export": [
    "./troupe session export 01JD8Q2V… --output talk.md",
    "./troupe session export 01JD8Q2V… --json",
  ],
  "turn list": ["./troupe turn list --state failed,dead"],
  "turn show": ["./troupe turn show 01JD8Q2V…"],
  "turn cancel": ["./troupe turn cancel 01JD8Q2V…"],
  "turn tape": ["./troupe turn tape 01JD8Q2V… --out turn.jsonl"],
  "turn replay": [
    "./troupe turn replay 01JD8Q2V…",
    "./troupe turn replay 01JD8Q2V… --file turn.jsonl --timing",
  ],
  usage: ["./troupe usage", "./troupe usage --by model --from 2026-11-01 --to 2026-11-07 --json"],
  "inbox list": ["./troupe inbox list", "./troupe inbox list --unread --json"],
  "inbox show": ["./troupe inbox show 01JD8Q2V…"],
  "inbox read": ["./troupe inbox read", "./troupe inbox read 01JD8Q2V… --unread"],
  "inbox clear": ["./troupe inbox clear", "./troupe inbox clear 01JD8Q2V…"],
  "budget list": ["./troupe budget list"],
  "budget allow": ["./troupe budget allow all 2.50", "./troupe budget allow each 1 --for ana --per month"],
  "secret set": ["./troupe secret set anthropic", "./troupe secret set anthropic --from-file key.txt"],
  "secret list": ["./troupe secret list"],
  "secret remove": ["./troupe secret remove anthropic"],
  backup: [
    "./troupe backup",
    "./troupe backup /mnt/backups",
    "./troupe backup all.tar.zst --with-master-key",
  ],
  restore: [
    "./troupe restore troupe-20261121-101530.tar.zst",
    "./troupe restore troupe-20261121-101530.tar.zst --home ~/second",
  ],
  "outbox list": ["./troupe outbox list"],
  "outbox hold": ["./troupe outbox hold"],
  "outbox release": ["./troupe outbox release", "./troupe outbox release --discard"],
  "secret rotate": ["./troupe secret rotate", "./troupe secret rotate --master"],
  "key link": ["./troupe key link"],
  "key create": ["./troupe key create --name website", "./troupe key create --name me --operator --json"],
  "key list": ["./troupe key list"],
  "key revoke": ["./troupe key revoke 01JD8Q2V…"],
};

/** `session list` of the command below the program. */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent != null; one = one.parent) names.unshift(one.name());
  return names.join(" ");
}

/** Every command that does something, without those of a later version. */
export function commandsOf(program: Command): readonly Command[] {
  return program.commands.flatMap((command) => {
    if (isHidden(command)) return [];
    return command.commands.length > 0 ? commandsOf(command) : [command];
  });
}

/** A command of a later version, which only says so. */
export function isHidden(command: Command): boolean {
  return "_hidden" in command && command._hidden === true;
}

export function examplesOf(command: Command): readonly string[] {
  return EXAMPLES[pathOf(command)] ?? [];
}

/** Adds its examples to the help of each command. */
export function addExamples(program: Command): void {
  for (const command of commandsOf(program)) {
    const lines = examplesOf(command).map((line) => `  ${line}`);
    if (lines.length > 0) command.addHelpText("after", `\nFor example:\n${lines.join("\n")}`);
  }
}
