import { oneLine, type Paint } from "../output.ts";
import { duration, usd } from "./time.ts";

interface Tokens {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  readonly isPriced: boolean;
}

/** What a turn was billed for, as the API tells it. */
export interface TurnUsage extends Tokens {
  readonly calls: readonly (Tokens & {
    readonly model: string;
    readonly purpose: string;
    readonly outcome: string;
    readonly errorCode?: string;
    readonly latencyMs: number;
  })[];
}

/** A line for each call of a model, and one for all of them where there are several. */
export function formatTurnUsage(usage: TurnUsage | undefined, paint: Paint): readonly string[] {
  if (usage === undefined || usage.calls.length === 0) return [];
  const calls = usage.calls.map((call) => {
    const purpose = call.purpose === "turn" ? "" : `, ${call.purpose}`;
    const bad = call.outcome === "ok" ? "" : `, ${paint.bad(call.errorCode ?? call.outcome)}`;
    return `    ${oneLine(call.model, 60)}${purpose}  ${tokensOf(call)}, ${duration(call.latencyMs)}${bad}`;
  });
  const total = calls.length === 1 ? [] : [`    ${paint.bold("in all")}  ${tokensOf(usage)}`];
  return ["  models", ...calls, ...total];
}

function tokensOf({ inputTokens, cachedInputTokens, outputTokens, costUsd, isPriced }: Tokens): string {
  const cached = cachedInputTokens === 0 ? "" : ` (${cachedInputTokens} cached)`;
  return `${inputTokens} in${cached}, ${outputTokens} out, ${costText(costUsd, isPriced)}`;
}

/** An unknown price is told as such: it counts as nothing, and is not nothing. */
function costText(costUsd: number, isPriced: boolean): string {
  if (isPriced) return usd(Math.round(costUsd * 1e6));
  return costUsd > 0 ? `${usd(Math.round(costUsd * 1e6))} and more of unknown price` : "price unknown";
}
