import { TroupeError } from "@troupe/contracts";
import { formatProblem, type Problem, type ReloadReport, type SetupTools } from "../../app/index.ts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import type { SetupPlan } from "./interview.ts";

/**
 * Seals the key, writes the settings, and has a running Troupe take them over. Whatever fails on the way is taken back; a key
 * that was there before stays replaced only when all went well.
 */
export async function applyPlan(context: CommandContext, tools: SetupTools, plan: SetupPlan): Promise<void> {
  const { home } = context.environment;
  const undo: (() => Promise<void>)[] = [];
  try {
    await using client = await context.connect({ command: "setup", createHome: true });
    if (plan.secret !== undefined) await sealKey(client, plan.secret, undo);
    const before = await tools.readSettingsText(home);
    const after = tools.editSettings(before, plan.change);
    if (after !== before) {
      undo.push(() => tools.writeSettings(home, before));
      await tools.writeSettings(home, after);
      const checked = await tools.checkHome(context.environment);
      if (checked.kind === "invalid") throw unfit(checked.problems);
    }
    if (client.isRunning) {
      const report = await client.call<ReloadReport>("POST", "/admin/reload", {});
      if (report.kind === "rejected") throw unfit(report.problems);
    }
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}

async function sealKey(
  client: AdminClient,
  { name, value }: NonNullable<SetupPlan["secret"]>,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const path = `/admin/secrets/${encodeURIComponent(name)}`;
  const { items } = await client.call<{ readonly items: readonly { readonly name: string }[] }>(
    "GET",
    "/admin/secrets",
  );
  await client.call("PUT", path, { value });
  // One that stood there before cannot be had back, and has been tried: it stays.
  if (!items.some((item) => item.name === name)) undo.push(() => client.call("DELETE", path));
}

function unfit(problems: readonly Problem[]): TroupeError {
  return new TroupeError(
    `The new settings do not fit, so the old ones are back:\n${problems.map(formatProblem).join("\n")}`,
    { code: "config.invalid" },
  );
}
