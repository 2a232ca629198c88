import { formatProblem, homeExists, loadConfigTools, type Problem } from "../../app/index.ts";
import { type CommandContext, noHome } from "../context.ts";
import type { Output } from "../output.ts";

/** Everything that is wrong in the files of the home, and the agents that are described there. */
export async function findProblems(
  context: CommandContext,
): Promise<{ readonly problems: readonly Problem[]; readonly agents: readonly string[] }> {
  const { environment } = context;
  if (!homeExists(environment.home)) throw noHome(environment);
  const { checkHome } = await loadConfigTools();
  const result = await checkHome(environment);
  if (result.kind === "invalid") return { problems: result.problems, agents: [] };
  return { problems: [], agents: result.config.agents.map((agent) => agent.id) };
}

/** Prints problems, or `good` when there is none. A problem makes the command fail. */
export function tellProblems(output: Output, problems: readonly Problem[], good: string): void {
  const isValid = problems.length === 0;
  output.result({ valid: isValid, problems }, () =>
    isValid ? good : problems.map(formatProblem).join("\n"),
  );
  if (!isValid) process.exitCode = 1;
}

export async function checkConfig(context: CommandContext): Promise<void> {
  const { problems, agents } = await findProblems(context);
  tellProblems(
    context.output,
    problems,
    `All is valid: troupe.yaml and ${agents.length === 1 ? "one agent" : `${agents.length} agents`} (${agents.join(", ")}).`,
  );
}

export async function showSettings(context: CommandContext): Promise<void> {
  const { environment, output } = context;
  if (!homeExists(environment.home)) throw noHome(environment);
  const { requireHome, showConfig, visibleConfig } = await loadConfigTools();
  const config = await requireHome(environment);
  output.result(
    visibleConfig(config),
    () => `# ${environment.home}/troupe.yaml, defaults filled in\n${showConfig(config).trimEnd()}`,
  );
}

/** Always JSON: a schema is for programs. */
export async function printSchema({ output }: CommandContext): Promise<void> {
  const { jsonSchemas } = await loadConfigTools();
  const schemas = jsonSchemas();
  output.result(schemas, () => JSON.stringify(schemas, null, 2));
}
