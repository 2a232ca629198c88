import type { KeyRecord, Page } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type Finding, holderOf, homeExists, loadConfigTools, loadDoctor } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { type Paint, widthOf } from "../output.ts";

/** Looks at everything that can be wrong. Fails when something is. */
export async function doctor(context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const [{ checkHome }, { examine }] = await Promise.all([loadConfigTools(), loadDoctor()]);
  const running = await context.connectRunning();
  const loaded = await checkHome(environment);
  const findings = [...(await examine({ environment, loaded, isRunning: running !== undefined }))];
  findings.push(checkRunning(context, running !== undefined));
  if (homeExists(environment.home) && loaded.kind === "valid") findings.push(await checkKeys(context));
  output.result(findings, () => formatFindings(findings, output.paint));
  if (findings.some((finding) => finding.verdict === "bad")) process.exitCode = 1;
}

function checkRunning({ environment }: CommandContext, isRunning: boolean): Finding {
  const base = { name: "Process", how: "asked its socket" };
  if (isRunning) return { ...base, verdict: "good", what: "Troupe runs" };
  const holder = holderOf(environment.home);
  if (holder === undefined)
    return { ...base, verdict: "good", what: "Troupe does not run; ./troupe up starts it" };
  const what = `process ${holder.pid} (./troupe ${holder.command}) was the last to use the home and does not answer`;
  const remedy = `If it is still there and hangs: kill ${holder.pid}. If not, the next start tidies up.`;
  return { ...base, verdict: "warning", what, remedy };
}

async function checkKeys(context: CommandContext): Promise<Finding> {
  const base = { name: "API keys", how: "read the store" };
  try {
    await using client = await context.connect({ command: "doctor" });
    const { items } = await client.call<Page<Omit<KeyRecord, "hash">>>("GET", "/api/keys");
    const valid = items.filter((key) => key.revokedAt === undefined);
    if (valid.length > 0) return { ...base, verdict: "good", what: `${valid.length} valid` };
    return {
      ...base,
      verdict: "warning",
      what: "none is valid",
      remedy: "./troupe key create --name NAME makes one.",
    };
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    return { ...base, verdict: "bad", what: error.message, remedy: "Repair what is named above first." };
  }
}

export function formatFindings(findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map((finding) => widthOf(finding.name)));
  const verdicts = { good: paint.good("good   "), warning: paint.warn("warning"), bad: paint.bad("bad    ") };
  const indent = " ".repeat("warning".length + width + 4);
  const lines = findings.map(({ name, verdict, what, how, remedy }) => {
    const first = `${verdicts[verdict]}  ${name.padEnd(width)}  ${what} ${paint.dim(`(${how})`)}`;
    return remedy === undefined ? first : `${first}\n${remedy.replace(/^/gm, indent)}`;
  });
  const bad = findings.filter((finding) => finding.verdict === "bad").length;
  const end =
    bad === 0 ? "Nothing is wrong." : bad === 1 ? "One thing is wrong." : `${bad} things are wrong.`;
  return [...lines, "", end].join("\n");
}
