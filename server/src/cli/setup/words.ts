import type { SetupTools } from "../../app/index.ts";
import { count, duration, usd } from "../format/time.ts";
import { oneLine } from "../output.ts";

type Offered = Awaited<ReturnType<SetupTools["listModels"]>>[number];
type Trial = Awaited<ReturnType<SetupTools["tryModel"]>>;

/** `1.25 in, 10 out (USD a million tokens), reads 400,000`. */
export function priceText({ price, isFree, contextWindow }: Offered): string {
  const cost = isFree
    ? "runs here, free"
    : price === undefined
      ? "price unknown"
      : `${amount(price.inputUsdPerMillion)} in, ${amount(price.outputUsdPerMillion)} out (USD a million tokens)`;
  return contextWindow === undefined ? cost : `${cost}, reads ${count(contextWindow)}`;
}

function amount(value: number): string {
  return String(Number(value.toFixed(3)));
}

export function trialText({ text, tookMs, costMicroUsd }: Trial): string {
  const cost = costMicroUsd === undefined || costMicroUsd === 0 ? "" : `, ${usd(costMicroUsd)}`;
  return `“${oneLine(text, 200)}”  (${duration(tookMs)}${cost})`;
}
