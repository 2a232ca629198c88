import { z } from "zod";
import type { AgentFile, ConfigFile } from "./types.ts";

/** Names that become parts of paths, subjects and model names. */
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const MODEL_REFERENCE = /^[a-z][a-z0-9_-]{0,31}\/\S{1,200}$/;

const port = z.int().min(0).max(65_535);
const positive = z.int().min(1);
const whileBusy = z.enum(["queue", "steer", "interrupt"]);
const providerName = z.string().regex(NAME, "starts with a letter and holds a–z, 0–9, _ and -, at most 32");
const modelReference = z.string().regex(MODEL_REFERENCE, 'is "provider/model"');

const server = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").describe("Address that every port listens on."),
  port: port.default(8080).describe("Gateway: API, /health, /ready. 0 takes any free port."),
  metricsPort: port.default(9090).describe("Prometheus metrics."),
  adminPort: port.default(9091).describe("Admin API."),
  allowedHosts: z
    .array(z.string().min(1))
    .optional()
    .describe("Further names that requests may be addressed to, NAME or NAME:PORT."),
  allowedOrigins: z
    .array(z.string().min(1))
    .optional()
    .describe("Web pages of other origins that may call, https://NAME."),
  grpcPort: port.optional().describe("Accepted and announced; gRPC is not served in this version."),
});

const provider = z.strictObject({
  kind: z.enum(["openai-compatible", "offline"]).describe("Protocol that the provider speaks."),
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'is an address that begins with "http://" or "https://"' })
    .optional()
    .describe("Up to and including /v1."),
  apiKey: z.string().optional().describe("Sent as a bearer token. Best written as ${VAR} or ${file:path}."),
  headers: z.record(z.string(), z.string()).optional().describe("Sent with every request."),
  contextWindow: positive.optional().describe("Tokens that its models read and write in one call."),
  maxConcurrentCalls: positive.optional().describe("Most calls at one time."),
  maxTokensField: z
    .enum(["max_tokens", "max_completion_tokens"])
    .optional()
    .describe("Name of the field that bounds an answer; absent: by the host."),
  timeouts: z
    .strictObject({
      connectMs: positive.optional().describe("Until a connection stands. Default 10000."),
      firstTokenMs: positive.optional().describe("Until the answer begins. Default 120000."),
      idleMs: positive.optional().describe("Longest silence within an answer. Default 60000."),
    })
    .optional(),
});

const price = z.strictObject({
  inputUsdPerMillion: z.number().min(0).describe("US dollars for a million tokens read."),
  cachedInputUsdPerMillion: z
    .number()
    .min(0)
    .optional()
    .describe("The same for tokens from the provider's cache; absent: as inputUsdPerMillion."),
  outputUsdPerMillion: z.number().min(0).describe("US dollars for a million tokens written."),
});

const limits = z.strictObject({
  ratePerMinute: positive
    .optional()
    .describe("Messages that one peer may send in a minute; absent: no limit."),
  maxQueuedTurns: positive
    .default(1000)
    .describe("Turns that may wait before further messages are answered 429."),
  maxConcurrentTurns: z
    .strictObject({
      realtime: positive.default(1024),
      background: positive.default(16),
      heavy: positive.default(2),
    })
    .prefault({})
    .describe("Turns of a lane that run at one time."),
  bodyBytes: z.int().min(1024).default(1_048_576).describe("Longest request body."),
});

const turns = z.strictObject({
  deadlineSeconds: positive.max(86_400).default(300).describe("Longest time one turn may take."),
  maxSteps: positive.max(1000).default(16).describe("Most model calls one turn may make."),
  whileBusy: whileBusy
    .default("queue")
    .describe("What a message does that arrives while a turn of its session runs."),
});

/** `troupe.yaml`. */
export const configSchema: z.ZodType<ConfigFile> = z
  .strictObject({
    version: z.literal(1).describe("Version of this file's format."),
    server: server.prefault({}).describe("Where Troupe listens."),
    store: z
      .strictObject({
        url: z.string().default("sqlite:data/troupe.db").describe("sqlite:PATH, relative to the home."),
      })
      .prefault({}),
    bus: z
      .strictObject({ url: z.string().default("local:").describe("local: is a bus inside the process.") })
      .prefault({}),
    blobs: z
      .strictObject({
        url: z.string().default("file:data/blobs").describe("file:PATH, relative to the home."),
      })
      .prefault({}),
    providers: z
      .record(providerName, provider)
      .default({})
      .describe('Where models are reached. "offline" exists without being written.'),
    models: z
      .record(providerName, z.array(modelReference).min(1))
      .default({ default: ["offline/guide"] })
      .describe("Logical names; the models of a list are tried in order."),
    prices: z.record(modelReference, price).default({}).describe("What models cost, by provider/model."),
    budget: z
      .strictObject({
        dailyUsd: z.number().min(0).optional().describe("US dollars a UTC day; absent: no limit."),
      })
      .prefault({}),
    limits: limits.prefault({}),
    turns: turns.prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(["debug", "info", "warn", "error", "silent"])
          .optional()
          .describe("Default: info, on a terminal warn."),
      })
      .prefault({}),
  })
  .describe("troupe.yaml: settings of one Troupe home.");

/** `agents/ID.yaml`. */
export const agentSchema: z.ZodType<AgentFile> = z
  .strictObject({
    id: z
      .string()
      .regex(NAME, "starts with a letter and holds a–z, 0–9, _ and -, at most 32")
      .describe("Equals the file's name."),
    name: z.string().min(1).max(100).describe("What people call it."),
    model: z
      .string()
      .min(1)
      .default("default")
      .describe("A name of troupe.yaml's models, or provider/model."),
    instructions: z
      .string()
      .refine((text) => text.trim() !== "", "is empty; write what the agent is and how it answers")
      .refine((text) => Buffer.byteLength(text) <= 32_768, "is longer than 32 KiB")
      .describe("Who the agent is and how it answers; at most 32 KiB."),
    description: z.string().max(500).optional().describe("For lists."),
    tools: z.array(z.string()).optional().describe("Names of tools it may use; absent: every built-in."),
    whileBusy: whileBusy.optional().describe("Overrides turns.whileBusy."),
    deadlineSeconds: positive.max(86_400).optional().describe("Overrides turns.deadlineSeconds."),
    maxSteps: positive.max(1000).optional().describe("Overrides turns.maxSteps."),
  })
  .describe("agents/ID.yaml: the blueprint of one agent.");

/** JSON Schemas 2020-12 of both files, as a person writes them: what has a default may be left out. */
export function jsonSchemas(): {
  readonly config: Record<string, unknown>;
  readonly agent: Record<string, unknown>;
} {
  return {
    config: z.toJSONSchema(configSchema, { io: "input" }) as Record<string, unknown>,
    agent: z.toJSONSchema(agentSchema, { io: "input", unrepresentable: "any" }) as Record<string, unknown>,
  };
}
