import { z } from "zod";
import type { ConfigFile } from "./types.ts";

export const memory: z.ZodType<ConfigFile["memory"]> = z
  .strictObject({
    dreams: z
      .boolean()
      .default(true)
      .describe(
        "Once a night memories that helped again and again are held fast, and those that nobody asks for are summed up and taken out.",
      ),
    dreamHour: z.int().min(0).max(23).default(3).describe("Hour of that, in timeZone."),
  })
  .prefault({})
  .describe("What agents keep in mind: ./troupe memory.");

export const knowledge: z.ZodType<ConfigFile["knowledge"]> = z
  .strictObject({
    privateHosts: z
      .array(z.string().min(1).toLowerCase())
      .default([])
      .describe(
        "Names and addresses of hosts of your own network whose pages may be given to agents; all others there are refused.",
      ),
  })
  .prefault({})
  .describe("Files and pages that agents are given: ./troupe knowledge.");
