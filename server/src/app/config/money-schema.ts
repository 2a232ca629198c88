import { z } from "zod";
import type { PriceConfig } from "../../llm/index.ts";
import type { BudgetFile } from "./types.ts";

const positive = z.int().min(1);
const dollars = z.number().min(0);
const rates = {
  inputUsdPerMillion: dollars.describe("US dollars for a million tokens read."),
  cachedInputUsdPerMillion: dollars
    .optional()
    .describe("The same for tokens from the provider's cache; absent: as inputUsdPerMillion."),
  cacheWriteUsdPerMillion: dollars
    .optional()
    .describe("The same for tokens that go into the provider's cache; absent: as inputUsdPerMillion."),
  outputUsdPerMillion: dollars.describe("US dollars for a million tokens written."),
};
export const price: z.ZodType<PriceConfig> = z.strictObject({
  ...rates,
  tiers: z
    .array(
      z.strictObject({
        aboveInputTokens: positive.describe(
          "A call that reads more than this costs as told here, all of it.",
        ),
        ...rates,
      }),
    )
    .optional()
    .describe("Other prices of long calls."),
});

export const budget: z.ZodType<BudgetFile> = z
  .strictObject({
    per: z
      .enum(["space", "agent", "peer"])
      .default("space")
      .describe("Whose spending it limits: all together, or each agent's or peer's own."),
    only: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Only these agents or peers; absent: each of them."),
    dailyUsd: dollars.optional().describe("US dollars a UTC day."),
    monthlyUsd: dollars.optional().describe("US dollars a UTC month."),
    atLimit: z
      .enum(["refuse", "cheaper", "ask"])
      .default("refuse")
      .describe("What happens then: say so, go on with another model, or say so and ask the owner for more."),
    model: z.string().min(1).optional().describe("With cheaper: the name under models, or provider/model."),
  })
  .superRefine((value, context) => {
    const fault = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    if (value.dailyUsd === undefined && value.monthlyUsd === undefined)
      fault("dailyUsd", "is missing; write dailyUsd, monthlyUsd or both");
    if (value.per === "space" && value.only !== undefined)
      fault("only", "has no meaning for the whole space; write per: agent or per: peer");
    if (value.atLimit === "cheaper" && value.model === undefined)
      fault("model", "is missing; atLimit: cheaper needs the model to go on with");
    if (value.atLimit !== "cheaper" && value.model !== undefined)
      fault("model", "is read with atLimit: cheaper alone");
  });
