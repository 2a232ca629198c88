import type { CommandContext } from "../context.ts";
import { formatModels, type ModelList } from "../format/models.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listModels({ connect, output }: CommandContext, options: Options): Promise<void> {
  await using client = await connect({ command: "model list" });
  const { provider } = options;
  const query = typeof provider === "string" ? `?provider=${encodeURIComponent(provider)}` : "";
  const list = await client.call<ModelList>("GET", `/api/models${query}`);
  output.result(list, () => formatModels(list, output.paint));
}
