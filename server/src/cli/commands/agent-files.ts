import {
  displayPath,
  type Environment,
  formatProblem,
  homeExists,
  loadConfigTools,
  type ReloadReport,
} from "../../app/index.ts";
import { type CommandContext, noHome } from "../context.ts";
import { table } from "../output.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listTemplates({ output }: CommandContext): Promise<void> {
  const { AGENT_TEMPLATES } = await loadConfigTools();
  const shown = AGENT_TEMPLATES.map(({ id, description, tools }) => ({ id, description, tools }));
  output.result(shown, () => {
    const rows = shown.map(({ id, description }) => [output.paint.bold(id), description]);
    return `${table(rows)}\n\n./troupe agent add NAME --from TEMPLATE makes one.`;
  });
}

export async function addAgentFile(context: CommandContext, options: Options, id: string): Promise<void> {
  const home = homeOf(context);
  const { addAgent } = await loadConfigTools();
  const change = await addAgent(context.environment, {
    id,
    template: String(options.from),
    model: String(options.model),
    ...(typeof options.name === "string" ? { name: options.name } : {}),
  });
  await tell(context, change, [
    `Written: ${displayPath(home)}/${change.file}. Its instructions are a beginning; change them as you like.`,
    `Talk with it: ./troupe chat --agent ${id}`,
  ]);
}

export async function removeAgentFile(context: CommandContext, id: string): Promise<void> {
  const home = homeOf(context);
  const { removeAgent } = await loadConfigTools();
  const change = removeAgent(context.environment, id);
  await tell(context, change, [
    `Moved to ${displayPath(home)}/${change.file}; move it back to bring the agent back. What was said with it is kept.`,
  ]);
}

function homeOf({ environment }: { readonly environment: Environment }): string {
  if (!homeExists(environment.home)) throw noHome(environment);
  return environment.home;
}

/** A running Troupe takes it over now rather than when it notices by itself. */
async function tell(
  { connectRunning, output }: CommandContext,
  change: { readonly id: string; readonly file: string },
  lines: readonly string[],
): Promise<void> {
  const client = await connectRunning();
  const reload = await client?.call<ReloadReport>("POST", "/admin/reload", {});
  const isInForce = reload === undefined ? null : reload.kind === "applied";
  output.result({ ...change, inForce: isInForce }, () =>
    [...lines, ...(reload === undefined ? [] : [reloadText(reload)])].join("\n"),
  );
  if (reload?.kind === "rejected") process.exitCode = 1;
}

function reloadText(report: ReloadReport): string {
  if (report.kind === "applied") return "The running Troupe has taken it over.";
  return ["The running Troupe has not taken it over:", ...report.problems.map(formatProblem)].join("\n");
}
