import type { ListedModel } from "@troupe/contracts";
import { type Paint, table } from "../output.ts";
import { count } from "./time.ts";

export interface ModelList {
  readonly items: readonly ListedModel[];
  readonly failures: readonly { readonly provider: string; readonly message: string }[];
}

/** A line for each model, as configuration names it; what nobody tells is left out. */
export function formatModels({ items, failures }: ModelList, paint: Paint): string {
  const rows = items.map((model) => [
    paint.bold(model.name),
    model.contextWindow === undefined ? "" : `reads ${tokens(model.contextWindow)}`,
    abilities(model),
    price(model),
  ]);
  const refused = failures.map(
    ({ provider, message }) => `${paint.bad(provider)} could not be asked: ${message}`,
  );
  const all = items.length === 0 ? "No provider lists any model." : table(rows);
  return [all, ...refused].join("\n");
}

function tokens(number: number): string {
  return number >= 1_000_000
    ? `${Math.round(number / 100_000) / 10} M`
    : `${count(Math.round(number / 1_000))} k`;
}

function abilities({ isEmbedding, images, tools, reasoning }: ListedModel): string {
  if (isEmbedding) return "embeddings";
  const known = [
    ["images", images],
    ["tools", tools],
    ["reasoning", reasoning],
  ] as const;
  return known.flatMap(([name, has]) => (has === true ? [name] : [])).join(", ");
}

function price({ price: told, isEmbedding }: ListedModel): string {
  if (told === undefined) return "";
  const { inputUsdPerMillion: input, outputUsdPerMillion: output } = told;
  if (input + output === 0) return "free";
  return isEmbedding ? `$${input} a million tokens` : `$${input} in, $${output} out a million tokens`;
}
