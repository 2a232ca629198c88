import { z } from "zod";
import type { ConfigFile } from "./types.ts";

const positive = z.int().min(1);
type Turns = ConfigFile["turns"];
type WhileBusy = Turns["whileBusy"];

export const whileBusy: z.ZodEnum<{ [Word in WhileBusy]: Word }> = z.enum(["queue", "steer", "interrupt"]);

export const turns: z.ZodType<Turns, { [Key in keyof Turns]?: Turns[Key] | undefined }> = z.strictObject({
  deadlineSeconds: positive.max(86_400).default(300).describe("Longest time one turn may take."),
  maxSteps: positive.max(1000).default(16).describe("Most model calls one turn may make."),
  historyTokens: z
    .int()
    .min(1000)
    .max(10_000_000)
    .default(48_000)
    .describe(
      "Tokens of a conversation that prompts show as it was said; past that a summary takes the place of its beginning.",
    ),
  whileBusy: whileBusy
    .default("queue")
    .describe("What a message does that arrives while a turn of its session runs."),
});
