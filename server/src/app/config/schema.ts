import { z } from "zod";
import { lanes } from "./lane-schema.ts";
import { episodes, knowledge, memory, recall } from "./memory-schema.ts";
import { budget, price } from "./money-schema.ts";
import { heartbeat, peers, quietHours, zone } from "./quiet-schema.ts";
import { turns, whileBusy } from "./turns-schema.ts";
import type { AgentFile, ConfigFile } from "./types.ts";

/** Names that become parts of paths, subjects and model names. */
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const MODEL_REFERENCE = /^[a-z][a-z0-9_-]{0,31}\/\S{1,200}$/;

const port = z.int().min(0).max(65_535);
const positive = z.int().min(1);
const providerName = z.string().regex(NAME, "starts with a letter and holds a–z, 0–9, _ and -, at most 32");
const modelReference = z.string().regex(MODEL_REFERENCE, 'is "provider/model"');

const server = z.strictObject({
  host: z.string().min(1).default("127.0.0.1").describe("Address that every port listens on."),
  port: port.default(8080).describe("Gateway: API, /health, /ready. 0 takes any free port."),
  metricsPort: port.default(9090).describe("Prometheus metrics."),
  adminPort: port.default(9091).describe("The API with the operator's own routes, such as /admin/reload."),
  allowedHosts: z
    .array(z.string().min(1))
    .optional()
    .describe("Further names that requests may be addressed to, NAME or NAME:PORT."),
  allowedOrigins: z
    .array(z.string().min(1))
    .optional()
    .describe("Web pages of other origins that may call, https://NAME, and not read the answers."),
  cors: z
    .strictObject({
      origins: z
        .array(
          z
            .string()
            .regex(/^https?:\/\/[^/*\s]+\/?$/, 'is an origin as "https://NAME" or "https://NAME:PORT"'),
        )
        .default([])
        .describe("Web pages that may call and read the answers, https://NAME. They still need a key."),
    })
    .optional()
    .describe("Other origins' pages that may use the API. Never all of them, never with cookies."),
  grpcPort: port.optional().describe("Accepted and announced; gRPC is not served in this version."),
});

const provider = z.strictObject({
  kind: z
    .enum([
      ...(["openai-compatible", "openai", "anthropic", "google", "openrouter"] as const),
      ...(["minimax", "deepseek", "ollama", "vllm", "offline"] as const),
    ])
    .describe("What kind of provider it is; openai-compatible is any server of OpenAI's chat dialect."),
  baseUrl: z
    .url({ protocol: /^https?$/, error: 'is an address that begins with "http://" or "https://"' })
    .optional()
    .describe("Up to and including /v1. Absent: where the kind lives; openai-compatible needs one."),
  api: z.enum(["chat", "responses"]).optional().describe("Of openai: which of its APIs. Default chat."),
  apiKey: z
    .string()
    .optional()
    .describe("Sent as the kind wants it. Best written as ${secret:name}, ${VAR} or ${file:path}."),
  headers: z.record(z.string(), z.string()).optional().describe("Sent with every request."),
  contextWindow: positive.optional().describe("Tokens that its models read and write in one call."),
  images: z.boolean().optional().describe("Its models see images; absent: told by the model's name."),
  documents: z.boolean().optional().describe("Its models read PDF documents; absent: by the kind."),
  reasoningEffort: z
    .enum(["none", "minimal", "low", "medium", "high"])
    .optional()
    .describe("How much its models think before they answer; absent: as the provider does."),
  requestsPerMinute: positive
    .optional()
    .describe("Calls a minute with this key; further ones wait a little, then the next model is asked."),
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

const limits = z.strictObject({
  ratePerMinute: positive
    .optional()
    .describe("Messages that one peer may send in a minute; absent: no limit."),
  keyPerMinute: positive.optional().describe("Requests that one key may make in a minute; absent: no limit."),
  addressPerMinute: positive
    .optional()
    .describe("Requests that one address may make in a minute, with whatever keys; absent: no limit."),
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

const agentGlobs = z
  .array(z.string().regex(/^[A-Za-z0-9_*-]{1,64}$/, "is an id of an agent, or a pattern with *"))
  .max(100);

const agentLimits = z.strictObject({
  loopGuard: z
    .strictObject({
      max: positive
        .max(10_000)
        .default(20)
        .describe("Times that two agents may make each other work for one person or group."),
      windowMinutes: positive.max(1440).default(30).describe("Within so many minutes."),
    })
    .prefault({}),
  maxDepth: positive.max(16).default(4).describe("Delegations within one another."),
  maxHops: positive
    .max(1000)
    .default(12)
    .describe("Turns that may follow from one another in one chain that began with one message."),
  keepDays: positive
    .max(3650)
    .default(90)
    .describe("What agents said to one another is deleted so many days after it was done with."),
});

const tape = z.strictObject({
  record: z
    .boolean()
    .default(false)
    .describe(
      "Records what each turn asks of models and tools and what they answer, to replay it without them.",
    ),
  keepDays: positive.max(3650).default(7).describe("Tapes that are older are deleted."),
  maxBytes: z
    .int()
    .min(4096)
    .max(67_108_864)
    .default(524_288)
    .describe("Longest tape of one turn; a longer one is cut, and cannot be replayed."),
});

const jobs = z.strictObject({
  maxPerOwner: positive
    .max(200)
    .default(100)
    .describe("Open jobs and reminders that one person may have with one agent."),
  maxRunMinutes: positive
    .max(1440)
    .default(30)
    .describe("Longest time of one run; a longer one is stopped, counts as lost, and its job goes on."),
});

/** `troupe.yaml`. */
export const configSchema: z.ZodType<ConfigFile> = z
  .strictObject({
    version: z.literal(1).describe("Version of this file's format."),
    server: server.prefault({}).describe("Where Troupe listens."),
    store: z
      .strictObject({
        url: z
          .string()
          .default("sqlite:data/troupe.db")
          .describe("sqlite:PATH, relative to the home; or postgres://USER:PASSWORD@HOST:PORT/DATABASE."),
      })
      .prefault({}),
    bus: z
      .strictObject({
        url: z
          .string()
          .default("local:")
          .describe(
            "local: is a bus inside the process. nats://USER:PASSWORD@HOST:PORT (or tls://, several joined by commas) lets several processes share the work; they share one PostgreSQL too.",
          ),
        prefix: z
          .string()
          .regex(
            /^[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/,
            "is words of letters, digits, - and _, joined by dots",
          )
          .default("")
          .describe("Before every subject, so that several Troupes may share one NATS server."),
      })
      .prefault({}),
    blobs: z
      .strictObject({
        url: z.string().default("file:data/blobs").describe("file:PATH, relative to the home."),
        maxFileBytes: z
          .int()
          .min(1024)
          .max(1_073_741_824)
          .default(20_971_520)
          .describe("Largest image or other file that a message may bring."),
      })
      .prefault({}),
    providers: z
      .record(providerName, provider)
      .default({})
      .describe('Where models are reached. "offline" and "embedded" exist without being written.'),
    models: z
      .record(providerName, z.array(modelReference).min(1))
      .default({ default: ["offline/guide"] })
      .describe(
        'Logical names; the models of a list are tried in order. "embedding" is ["embedded/words-128"] unless written.',
      ),
    prices: z
      .record(modelReference, price)
      .default({})
      .describe("What models cost, by provider/model; before the published prices that Troupe brings."),
    budget: z
      .strictObject({
        dailyUsd: z.number().min(0).optional().describe("US dollars a UTC day; absent: no limit."),
      })
      .prefault({})
      .describe("In short: one budget for the whole space."),
    budgets: z
      .record(providerName, budget)
      .default({})
      .describe("What may be spent on models, by a name of your own. Default: no limit."),
    limits: limits.prefault({}),
    turns: turns.prefault({}),
    lanes,
    agents: agentLimits.prefault({}).describe("How far agents may go among themselves."),
    timeZone: zone.optional().describe("Zone of times that name none; absent: that of the machine."),
    jobs: jobs.prefault({}).describe("Schedules: jobs and reminders."),
    quietHours: quietHours.optional().describe("When nobody is spoken to unasked; absent: never."),
    peers: peers.default({}).describe("Zones and quiet hours of persons and groups, by their ids."),
    tape: tape.prefault({}).describe("Recordings of turns: ./troupe turn tape, ./troupe turn replay."),
    recall,
    storylines: z
      .strictObject({
        whenUnsure: z
          .enum(["rules", "model"])
          .default("rules")
          .describe(
            "Where the scores are unsure which storyline a message belongs to: go on with the current one, or one question to the model small before the answer.",
          ),
      })
      .prefault({})
      .describe("What a message belongs to."),
    memory,
    knowledge,
    episodes: episodes
      .optional()
      .describe("A memory of conversations that another service keeps, asked with each turn; absent: none."),
    modules: z
      .record(
        providerName,
        z.strictObject({
          whenUnsure: z
            .enum(["rules", "model"])
            .default("rules")
            .describe(
              "Where a module's rules come to no end: its own way out, or one question to the model small before the answer.",
            ),
        }),
      )
      .default({})
      .describe("Settings of modules, by their names."),
    a2a: z
      .strictObject({
        enabled: z
          .boolean()
          .default(false)
          .describe(
            "Offers every agent over A2A under /a2a/ID; their cards (name, description) need no key.",
          ),
        agent: z
          .string()
          .optional()
          .describe("Whose card is under /.well-known/agent-card.json; absent: the first."),
        url: z
          .url({ protocol: /^https?$/, error: 'is an address that begins with "http://" or "https://"' })
          .optional()
          .describe("Where other programs reach Troupe, for cards; absent: as they asked."),
      })
      .prefault({}),
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

/** Where a Troupe listens whose file says nothing of it. */
export function defaultServer(): ConfigFile["server"] {
  return configSchema.parse({ version: 1 }).server;
}

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
    tools: z
      .array(z.string())
      .optional()
      .describe("Names of tools it may use; absent: every built-in, and those of its modules."),
    modules: z
      .array(z.string())
      .optional()
      .describe("Names of the modules that its turns have, such as memory; absent: all there are."),
    without: z.array(z.string()).optional().describe("Names of modules that its turns go without."),
    approvals: z
      .record(z.string(), z.enum(["allow", "deny", "ask"]))
      .optional()
      .describe(
        "What calls of a tool need: allow (the default), deny, or ask. Nobody can be asked in this version, so ask refuses too and says so.",
      ),
    whileBusy: whileBusy.optional().describe("Overrides turns.whileBusy."),
    deadlineSeconds: positive.max(86_400).optional().describe("Overrides turns.deadlineSeconds."),
    maxSteps: positive.max(1000).optional().describe("Overrides turns.maxSteps."),
    delegates: agentGlobs
      .optional()
      .describe("Ids of agents that it may ask and write to, * for any characters; absent: none."),
    acceptsFrom: agentGlobs
      .optional()
      .describe("Ids of agents that may ask it and write to it, * for any characters; absent: none."),
    capabilities: z
      .array(z.string().min(1).max(100))
      .max(50)
      .optional()
      .describe("What it can do, in a few words each, for agents that look for somebody."),
    learn: z
      .enum(["off", "rules", "model"])
      .optional()
      .describe(
        "Whether it learns by itself from what people say of themselves; rules: plain cases, without a model; model: asks the model small after the reply, too. Default rules.",
      ),
    tape: z.boolean().optional().describe("Whether its turns are recorded; overrides tape.record."),
    workspace: z
      .strictObject({
        readers: z
          .array(z.string().min(1).max(400))
          .max(20)
          .optional()
          .describe("Ids of peers who are told what USER.md, MEMORY.md and notes say; absent: operator."),
      })
      .optional()
      .describe("Lets it change its own files in workspaces/ID, and says whom those about a person are for."),
    quietHours: quietHours.optional().describe("In place of the home's, for who has none of their own."),
    heartbeat: heartbeat.optional().describe("Looks around by itself; absent: never."),
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
