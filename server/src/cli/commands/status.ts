import type { StatusReport } from "../../app/index.ts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { formatStatus } from "../format/status.ts";
import type { Output } from "../output.ts";

export async function status({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "status" });
  const report = await readReport(client);
  output.result(report, () => formatStatus(report, output.paint));
}

export async function readStatusText(client: AdminClient, output: Output): Promise<string> {
  return formatStatus(await readReport(client), output.paint);
}

function readReport(client: AdminClient): Promise<StatusReport> {
  return client.call<StatusReport>("GET", "/api/status");
}
