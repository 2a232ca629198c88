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
    feelings: z
      .enum(["off", "on"])
      .default("off")
      .describe(
        "on: what agents learn is kept with how it felt, and of memories that answer as well those come first that feel as the message does.",
      ),
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

export const episodes: z.ZodType<NonNullable<ConfigFile["episodes"]>> = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'is an address that begins with "http://" or "https://"' })
    .describe("Where the service is; the paths of the protocol lie below it."),
  apiKey: z
    .string()
    .optional()
    .describe("Sent as a bearer token. Best written as ${secret:name}, ${VAR} or ${file:path}."),
  waitMs: z
    .int()
    .min(10)
    .max(5_000)
    .default(400)
    .describe("Longest time that a turn waits for what it finds; then it is answered without."),
  limit: z.int().min(1).max(20).default(5).describe("Most episodes of one prompt."),
  keepsAudiences: z
    .boolean()
    .default(false)
    .describe(
      "The service tells of each episode who may be told. Otherwise it is asked, and written to, where one person alone reads.",
    ),
  privateHosts: z
    .array(z.string().min(1).toLowerCase())
    .default([])
    .describe(
      "Names and addresses of hosts of your own network that may be asked; all others there are refused.",
    ),
});

export const recall: z.ZodType<ConfigFile["recall"]> = z
  .strictObject({
    vectors: z
      .enum(["off", "search", "turns"])
      .optional()
      .describe(
        "What is said and remembered is embedded by the first model of the list embedding while it is quiet. search: the tool recall finds by meaning too; turns: what a turn recalls for a question is ordered by it as well. Absent: turns with what ships with Troupe, off with any other model, since each message would be a call.",
      ),
    index: z
      .enum(["resident", "pgvector"])
      .default("resident")
      .describe(
        "Where what is near in meaning is looked for. resident: in the memory of each process that searches; pgvector: in an index of the PostgreSQL database, which all processes share and whose server needs that extension, 0.8 or newer.",
      ),
    waitMs: z
      .int()
      .min(1)
      .max(10_000)
      .default(150)
      .describe("Longest time that a question waits for its vector; then its words alone are asked for."),
  })
  .prefault({})
  .describe("How what was said and remembered is found.");
