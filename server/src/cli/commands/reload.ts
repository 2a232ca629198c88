import { TroupeError } from "@troupe/contracts";
import { formatProblem, type ReloadReport } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";

export async function reload({ connectRunning, output }: CommandContext): Promise<void> {
  const client = await connectRunning();
  if (client === undefined) {
    throw new TroupeError("Troupe does not run; its next start reads the files anyway.", {
      code: "not_ready",
    });
  }
  const report = await client.call<ReloadReport>("POST", "/admin/reload", {});
  output.result(report, () => formatReload(report));
  if (report.kind === "rejected") process.exitCode = 1;
}

export function formatReload(report: ReloadReport): string {
  if (report.kind === "rejected") {
    return [...report.problems.map(formatProblem), "What was in force stays in force."].join("\n");
  }
  const { changed, needsRestart, tookMs } = report;
  const lines = [
    changed.length === 0 ? "Nothing has changed." : `In force now: ${changed.join(", ")} (${tookMs} ms).`,
  ];
  if (needsRestart.length > 0) lines.push(`These take a restart: ${needsRestart.join(", ")}.`);
  return lines.join("\n");
}
