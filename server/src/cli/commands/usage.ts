import type { CommandContext } from "../context.ts";
import { formatUsage, type UsageView } from "../format/usage.ts";
import { limitOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export async function showUsage({ connect, output }: CommandContext, options: Options): Promise<void> {
  const { by, from, to } = options;
  const query = queryOf({ by, from, to, limit: limitOf(options) });
  await using client = await connect({ command: "usage" });
  const usage = await client.call<UsageView>("GET", `/api/usage${query}`);
  output.result(usage, () => formatUsage(usage, output.paint));
}
