import type { Command } from "commander";

/** What to type, by command: shown at the end of its help. A test walks all commands and misses none. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  up: [
    "./troupe up",
    "./troupe up --json > ready.json",
    "./troupe up --role worker --lanes realtime,background --concurrency 8",
  ],
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
  "agent channels": ["./troupe agent channels --agent ana"],
  "agent messages": ["./troupe agent messages", "./troupe agent messages --state suppressed,dead"],
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
  "storyline list": ["./troupe storyline list", "./troupe storyline list --agent ana --peer olha"],
  "storyline show": ["./troupe storyline show 6f0e2c…"],
  "storyline rename": ['./troupe storyline rename 6f0e2c… "Moving to Lviv"'],
  "storyline merge": ["./troupe storyline merge 6f0e2c… 91ab77…"],
  "storyline split": ['./troupe storyline split 6f0e2c… 01JD8Q2V… --name "The new flat"'],
  "storyline move": ["./troupe storyline move 01JD8Q2V… 91ab77…"],
  "turn list": ["./troupe turn list --state failed,dead"],
  "turn show": ["./troupe turn show 01JD8Q2V…", "./troupe turn show 01JD8Q2V… --prompt"],
  "turn cancel": ["./troupe turn cancel 01JD8Q2V…"],
  "memory search": ["./troupe memory search cat", "./troupe memory search --agent ana --closed --json"],
  "memory show": ["./troupe memory show 01JD8Q2V…"],
  "memory why": ["./troupe memory why 01JD8Q2V…"],
  "memory forget": ["./troupe memory forget 01JD8Q2V…", "./troupe memory forget 01JD8Q2V… --erase"],
  "memory undo": ["./troupe memory undo 01JD8Q2V…"],
  "memory stats": ["./troupe memory stats --agent ana"],
  "memory audit": ["./troupe memory audit --json"],
  "memory reindex": ["./troupe memory reindex", "./troupe memory reindex --vectors"],
  "memory snapshot": [
    "./troupe memory snapshot ana.jsonl --agent ana",
    "./troupe memory snapshot ana.sealed --agent ana --encrypt",
  ],
  "memory snapshot verify": ["./troupe memory snapshot verify ana.jsonl"],
  "memory snapshot diff": [
    "./troupe memory snapshot diff ana.jsonl",
    "./troupe memory snapshot diff before.jsonl after.jsonl --json",
  ],
  "memory restore": ["./troupe memory restore ana.jsonl --dry-run", "./troupe memory restore ana.jsonl"],
  "memory erase": ["./troupe memory erase --peer kate --dry-run", "./troupe memory erase --peer chat/kate"],
  "knowledge add": [
    "./troupe knowledge add handbook.md --agent ana",
    "./troupe knowledge add https://example.com/prices --agent ana --audience chat/kate,chat/max",
  ],
  "knowledge list": ["./troupe knowledge list --agent ana"],
  "knowledge show": ["./troupe knowledge show 6f0e2c…"],
  "knowledge remove": ["./troupe knowledge remove 6f0e2c…"],
  "workspace list": ["./troupe workspace list"],
  "workspace init": ["./troupe workspace init ana"],
  "workspace show": ["./troupe workspace show ana", "./troupe workspace show ana SOUL.md --version 3f2a9c1"],
  "workspace history": ["./troupe workspace history ana", "./troupe workspace history ana SOUL.md --json"],
  "workspace restore": ["./troupe workspace restore ana SOUL.md 3f2a9c1"],
  "person list": ["./troupe person list", "./troupe person list --knows boats"],
  "person show": ["./troupe person show chat/kate"],
  "person merge": ["./troupe person merge chat/kate page/kate"],
  "person split": ["./troupe person split chat/kate page/kate"],
  "person export": ["./troupe person export chat/kate kate.jsonl"],
  "person erase": ["./troupe person erase chat/kate --dry-run", "./troupe person erase chat/kate"],
  "person undo": ["./troupe person undo chat/kate"],
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
  "job list": ["./troupe job list", "./troupe job list --agent ana --all --json"],
  "job show": ["./troupe job show 01JD8Q2V…"],
  "job create": [
    './troupe job create "stretch" --remind --in 10m --agent ana',
    './troupe job create "Write what happened yesterday" --agent ana --cron "0 8 * * 1-5"',
    './troupe job create "Is the parcel there?" --agent ana --every 2h --until \'the answer is "it arrived"\'',
  ],
  "job change": ['./troupe job change 01JD8Q2V… --at "2026-11-22 09:00"'],
  "job pause": ["./troupe job pause 01JD8Q2V…"],
  "job resume": ["./troupe job resume 01JD8Q2V…"],
  "job cancel": ["./troupe job cancel 01JD8Q2V…"],
  "job run": ["./troupe job run 01JD8Q2V…"],
  "flow list": ["./troupe flow list", "./troupe flow list --on event --json"],
  "flow show": ["./troupe flow show 01JD8Q2V…", "./troupe flow show 01JD8Q2V… --before 120"],
  "flow definitions": ["./troupe flow definitions"],
  "flow start": [
    './troupe flow start order --goal "Deliver order 7" --state \'{"order":7}\'',
    "./troupe flow start order --id order-7",
  ],
  "flow event": ["./troupe flow event paid 7 --id payment-118 --payload '{\"sum\":12}'"],
  "flow resume": ["./troupe flow resume 01JD8Q2V…", "./troupe flow resume 01JD8Q2V… --step send"],
  "flow cancel": ['./troupe flow cancel 01JD8Q2V… --reason "no longer wanted"'],
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
  "dlq list": [
    "./troupe dlq list",
    "./troupe dlq list --kind delivery --since 12h",
    "./troupe dlq list --agent ana --json",
  ],
  "dlq show": ["./troupe dlq show 01JD8Q2V…"],
  "dlq replay": [
    "./troupe dlq replay 01JD8Q2V…",
    "./troupe dlq replay --kind delivery.telegram --since 2026-11-20 --dry-run",
    "./troupe dlq replay 01JD8Q2V… --even-unknown",
  ],
  "dlq purge": ["./troupe dlq purge 01JD8Q2V…", "./troupe dlq purge --until 30d --yes"],
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
    if (command.commands.length === 0) return [command];
    return doesSomething(command) ? [command, ...commandsOf(command)] : commandsOf(command);
  });
}

/** One that others follow may be a command of its own, too. */
function doesSomething(command: Command): boolean {
  return "_actionHandler" in command && typeof command._actionHandler === "function";
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
