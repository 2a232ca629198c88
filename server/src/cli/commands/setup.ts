import { TroupeError } from "@troupe/contracts";
import { displayPath, loadSetup, type SetupTools } from "../../app/index.ts";
import { talk } from "../chat/talk.ts";
import { createTurnView } from "../chat/turn-view.ts";
import type { CommandContext } from "../context.ts";
import { applyPlan } from "../setup/apply.ts";
import { planFromFlags } from "../setup/flags.ts";
import { interview, type SetupPlan } from "../setup/interview.ts";
import { left, type Person } from "../setup/person.ts";
import { trialText } from "../setup/words.ts";

type Options = Readonly<Record<string, unknown>>;

const FIRST_WORDS = "Hello! Who are you, in one sentence?";
const CONVERSATION = "setup";

/** Connects a model: by questions at a terminal, by flags elsewhere. What is written has answered before. */
export async function setUp(context: CommandContext, options: Options): Promise<void> {
  const tools = await loadSetup();
  const isAsked = Object.keys(options).every((name) => name === "json" && options.json !== true);
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (isAsked && isTerminal) return askAndSetUp(context, tools);
  const facts = await tools.readSetupFacts(context.environment);
  const plan = await planFromFlags(options, facts, tools);
  await applyPlan(context, tools, plan);
  const answer = await firstAnswer(context, () => undefined);
  const { model, trial, secret } = plan;
  context.output.result({ model, secret: secret?.name, trial, answer }, () =>
    formatDone(context, plan, answer),
  );
}

async function askAndSetUp(context: CommandContext, tools: SetupTools): Promise<void> {
  const { environment, output } = context;
  const { intro, log, note, outro } = await import("@clack/prompts");
  const { createTerminalPerson } = await import("../setup/terminal-person.ts");
  const person: Person = await createTerminalPerson();
  const facts = await tools.readSetupFacts(environment);
  intro(
    `Connecting a model. Nothing is written before one has answered; Ctrl-C leaves everything as it was.`,
  );
  const plan = await interview(person, facts, tools);
  note(changeText(plan), displayPath(`${environment.home}/troupe.yaml`));
  if (!(await person.confirm("Write this?"))) throw left();
  await undisturbed(() => applyPlan(context, tools, plan));
  log.step("Your first answer:");
  await firstAnswer(context, (text) => output.write(text));
  outro("./troupe chat goes on with it. Run ./troupe setup again to change one thing.");
}

/** Half a change is worse than a moment's patience. */
async function undisturbed(work: () => Promise<void>): Promise<void> {
  const wait = (): void => undefined;
  process.on("SIGINT", wait);
  try {
    await work();
  } finally {
    process.off("SIGINT", wait);
  }
}

/** What the settings will say of it, without the rest. */
function changeText({ change, secret }: SetupPlan): string {
  const { provider, models } = change;
  const lines = [
    ...(provider === undefined
      ? []
      : [
          `providers:`,
          `  ${provider.name}:`,
          ...Object.entries(provider.fields).map(([field, value]) => `    ${field}: ${value}`),
        ]),
    ...(models === undefined ? [] : [`models:`, `  ${models.name}: [${models.list.join(", ")}]`]),
    ...(secret === undefined ? [] : [`The key is kept sealed as the secret "${secret.name}".`]),
  ];
  return lines.join("\n");
}

function formatDone({ environment }: CommandContext, plan: SetupPlan, answer: string | undefined): string {
  return [
    `${plan.model} answers: ${trialText(plan.trial)}`,
    `${displayPath(`${environment.home}/troupe.yaml`)} names it.`,
    ...(answer === undefined ? [] : [answer]),
  ].join("\n");
}

/** Asks the first agent that speaks with the model. Undefined where no agent does. */
async function firstAnswer(
  context: CommandContext,
  write: (text: string) => void,
): Promise<string | undefined> {
  await using client = await context.connect({ command: "setup", work: true });
  const { items } = await client.call<{
    readonly items: readonly { readonly id: string; readonly model: string }[];
  }>("GET", "/api/agents");
  const agent = items.find(({ model }) => model === "default");
  if (agent === undefined) return undefined;
  const view = createTurnView({
    ...context.output,
    ...{ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24, hidesTools: true },
    write,
  });
  await talk(client, { agentId: agent.id, session: CONVERSATION, text: FIRST_WORDS }, view, {
    signal: new AbortController().signal,
  });
  if (view.end?.state !== "replied") {
    throw new TroupeError(
      `The settings are written, but ${agent.id} did not answer. ./troupe turn show ${view.turnId} tells why.`,
      {
        code: "turn.failed",
      },
    );
  }
  return view.end.text.trim();
}
