import type { KeyRecord, Page } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import {
  type Finding,
  type Fixed,
  homeExists,
  loadConfigTools,
  loadDoctor,
  type ModelCheck,
  type StatusReport,
} from "../../app/index.ts";
import { safeText } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { type Paint, widthOf } from "../output.ts";

type Options = Readonly<Record<string, unknown>>;

/** Looks at everything that can be wrong; with `--fix` does what is safe, then looks again. Fails when something is bad. */
export async function doctor(context: CommandContext, options: Options): Promise<void> {
  const { output } = context;
  const isLive = options.live === true;
  let findings = await look(context, isLive && options.fix !== true);
  let fixed: readonly Fixed[] = [];
  if (options.fix === true) {
    const { applyFixes } = await loadDoctor();
    fixed = [...(await applyFixes(findings)), ...(await catchUp(context, findings))];
    findings = await look(context, isLive);
  }
  const told = findings.map(({ fix, ...finding }) => ({ ...finding, canFix: fix !== undefined }));
  output.result({ findings: told, fixed }, () => formatFindings(findings, fixed, output.paint));
  if (findings.some((finding) => finding.verdict === "bad")) process.exitCode = 1;
}

async function look(context: CommandContext, isLive: boolean): Promise<readonly Finding[]> {
  const { environment } = context;
  const [{ openedHome }, { examine }] = await Promise.all([loadConfigTools(), loadDoctor()]);
  // One that hangs is told of as a process that holds the home.
  const running = await context.connectRunning().catch((error: unknown) => {
    if (TroupeError.is(error, "not_ready")) return undefined;
    throw error;
  });
  const loaded = homeExists(environment.home) ? await openedHome(environment) : undefined;
  const findings = [...(await examine({ environment, loaded, isRunning: running !== undefined }))];
  const isStoreWhole = !findings.some(({ name, verdict }) => name === "Store" && verdict === "bad");
  if (loaded?.kind === "valid" && isStoreWhole) findings.push(...(await lookInside(context, isLive)));
  return findings;
}

/** What only the store and the models can tell. */
async function lookInside(context: CommandContext, isLive: boolean): Promise<readonly Finding[]> {
  try {
    await using client = await context.connect({ command: "doctor" });
    const { checkState, modelFindings } = await loadDoctor();
    const status = await client.call<StatusReport>("GET", "/api/status");
    const findings = [...checkState(status), await checkKeys(client)];
    if (!isLive) return findings;
    const { items } = await client.call<Page<ModelCheck>>("POST", "/admin/models/check", {});
    return [...findings, ...modelFindings(items)];
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    const remedy = "Repair what is named above first.";
    return [{ name: "Store", verdict: "bad", what: error.message, how: "opened it", remedy }];
  }
}

/** The first start makes a key, and whoever has none needs none: the terminal asks for none. */
async function checkKeys(client: AdminClient): Promise<Finding> {
  const base = { name: "API keys", how: "read the store" };
  const { items } = await client.call<Page<Omit<KeyRecord, "hash">>>("GET", "/api/keys");
  const valid = items.filter((key) => key.revokedAt === undefined);
  if (valid.length > 0 || items.length === 0)
    return { ...base, verdict: "good", what: valid.length === 0 ? "none yet" : `${valid.length} valid` };
  const remedy = "./troupe key create --name NAME makes one.";
  return { ...base, verdict: "warning", what: "none is valid any more", remedy };
}

/** The index is mended by a Troupe, running or in this process. */
async function catchUp(context: CommandContext, findings: readonly Finding[]): Promise<readonly Fixed[]> {
  const { INDEX_FINDING: name } = await loadDoctor();
  if (!findings.some((finding) => finding.name === name && finding.verdict !== "good")) return [];
  try {
    await using client = await context.connect({ command: "doctor" });
    const { indexed } = await client.call<{ readonly indexed: number }>("POST", "/admin/index", {});
    return [{ name, what: `indexed ${indexed.toLocaleString("en-US")} messages`, isDone: true }];
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    return [{ name, what: error.message, isDone: false }];
  }
}

export function formatFindings(findings: readonly Finding[], fixed: readonly Fixed[], paint: Paint): string {
  const width = Math.max(...findings.map((finding) => widthOf(finding.name)));
  const verdicts = { good: paint.good("good   "), warning: paint.warn("warning"), bad: paint.bad("bad    ") };
  const indent = " ".repeat("warning".length + width + 4);
  const done = fixed.map(({ name, what, isDone }) =>
    isDone ? `${paint.good("fixed  ")}  ${name}: ${what}` : `${paint.bad("not fixed")}  ${name}: ${what}`,
  );
  const lines = findings.map(({ name, verdict, what, how, remedy }) => {
    const first = `${verdicts[verdict]}  ${name.padEnd(width)}  ${safeText(what)} ${paint.dim(`(${how})`)}`;
    return remedy === undefined ? first : `${first}\n${safeText(remedy).replace(/^/gm, indent)}`;
  });
  const fixable = findings.filter((finding) => finding.fix !== undefined).length;
  const offer =
    fixable === 0
      ? ""
      : ` ./troupe doctor --fix mends ${fixable === 1 ? "what is safe to mend" : `${fixable} of them`}.`;
  return [...done, ...(done.length === 0 ? [] : [""]), ...lines, "", `${endOf(findings)}${offer}`].join("\n");
}

function endOf(findings: readonly Finding[]): string {
  const count = (verdict: Finding["verdict"]): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [bad, warnings] = [count("bad"), count("warning")];
  if (bad > 0) return bad === 1 ? "One thing is wrong." : `${bad} things are wrong.`;
  if (warnings > 0)
    return `Nothing is wrong. ${warnings === 1 ? "One thing" : `${warnings} things`} may deserve a look.`;
  return "Nothing is wrong.";
}
