import type { Hold } from "@troupe/contracts";
import type { OutboxReport, ReleaseReport } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { dateTime, duration, plural } from "../format/time.ts";
import { oneLine, table } from "../output.ts";

export async function listOutbox({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "outbox list" });
  const report = await client.call<OutboxReport>("GET", "/admin/outbox");
  output.result(report, () => formatOutbox(report, Date.now()));
}

export async function holdOutbox({ connect, output }: CommandContext): Promise<void> {
  await using client = await connect({ command: "outbox hold" });
  const hold = await client.call<Hold>("POST", "/admin/outbox/hold", {});
  output.result(
    hold,
    () => "The outbox is held: replies to channels, jobs and flows wait for ./troupe outbox release.",
  );
}

export async function releaseOutbox(
  { connect, output }: CommandContext,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  await using client = await connect({ command: "outbox release" });
  const discard = options.discard === true;
  const report = await client.call<ReleaseReport>("POST", "/admin/outbox/release", { discard });
  output.result(report, () =>
    [
      report.waiting === 0
        ? "The outbox is released; nothing waits in it."
        : `The outbox is released; ${plural(report.waiting, "reply goes", "replies go")} out${client.isRunning ? " now" : " with the next start"}.`,
      ...(discard
        ? [
            `${plural(report.discarded, "reply", "replies")} from before the hold ${report.discarded === 1 ? "was" : "were"} discarded.`,
          ]
        : []),
    ].join("\n"),
  );
}

function formatOutbox({ hold, items, isMore }: OutboxReport, now: number): string {
  const rows = items.map(({ turnId, address, state, text, createdAt }) => [
    turnId,
    address.channel,
    oneLine(address.target, 24),
    state,
    duration(now - createdAt),
    oneLine(text, 48),
  ]);
  const lines = rows.length === 0 ? ["Nothing waits for delivery."] : [table(rows)];
  if (isMore) lines.push("There are more.");
  if (hold !== undefined) {
    lines.push(
      `Held since ${dateTime(hold.since)}: ${hold.reason} ./troupe outbox release lets them go; with --discard those from before are ended instead.`,
    );
  }
  return lines.join("\n");
}
