import type {
  AgentSpec,
  CallOptions,
  Clock,
  Logger,
  Tool,
  Toolbox,
  ToolCallPart,
  ToolContext,
  ToolOutput,
  ToolSet,
  ToolSource,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { linkSignal, type Metrics, nearestName, redactText, SECONDS_BUCKETS } from "../kit/index.ts";
import { tell } from "./catalogue/index.ts";
import { parseCommand } from "./commands.ts";
import { cutOutput } from "./output.ts";
import { invokePatiently } from "./patience.ts";
import { createRegistry, type Registered } from "./registry.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_INPUT_CHARACTERS = 256 * 1024;
const LOAD_MS = 30_000;

export interface ToolboxDeps {
  /** In order: the first that brings a name keeps it. */
  readonly sources: readonly ToolSource[];
  /** Serve commands and buttons alone: no model is offered them. */
  readonly commandTools?: readonly Tool[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A tool that a blueprint names in vain. */
export interface MissingTool {
  readonly setting: string;
  readonly name: string;
  /** The nearest one there is, where no source has it. */
  readonly nearest?: string | undefined;
  /** It belongs to this module, which the agent goes without. */
  readonly ofModule?: string;
}

/** The toolbox with what `app` needs around it. */
export interface LoadableToolbox extends Toolbox {
  /**
   * Asks the sources for their tools: once before the first turn, and again on reload. A source that does not answer
   * within 30 s keeps the tools that it had, as one that fails does.
   */
  load(options: CallOptions): Promise<void>;
  /** What of a blueprint's tools cannot be had, with the setting that names each. */
  validate(spec: AgentSpec): readonly MissingTool[];
}

type Outcome = "ok" | "declined" | "unknown" | "invalid" | "failed" | "timeout" | "aborted";

export function createToolbox(deps: ToolboxDeps): LoadableToolbox {
  const { sources, commandTools = [], clock, logger, metrics } = deps;
  const registry = createRegistry(sources, commandTools, logger);
  const calls = metrics.counter("tool_calls_total", "Tool calls by tool and outcome");
  const seconds = metrics.histogram("tool_seconds", "Time that tools ran", SECONDS_BUCKETS);

  const runTool = async (
    { tool }: Registered,
    input: unknown,
    context: ToolContext,
    { signal, onRetry }: RunOptions,
  ): Promise<{ output: ToolOutput; outcome: Outcome }> => {
    const timeoutMs = tool.spec.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    // Made when it is needed: an error with its stack is too dear for every call.
    const late = (): TroupeError =>
      new TroupeError(`${tool.spec.name} ran longer than ${timeoutMs} ms.`, { code: "tool.timeout" });
    const startedMs = clock.monotonicMs();
    using linked = linkSignal(signal, { clock, afterMs: timeoutMs, reason: late });
    try {
      const untilMs = startedMs + timeoutMs;
      const output = await invokePatiently(deps, tool, input, context, {
        linked: linked.signal,
        untilMs,
        onRetry,
      });
      return checked(tool, output, context, logger);
    } catch (error) {
      signal.throwIfAborted();
      return failed(tool, linked.signal.aborted ? { timeoutMs } : { error }, context, logger);
    } finally {
      seconds.observe((clock.monotonicMs() - startedMs) / 1_000, { tool: tool.spec.name });
    }
  };

  return {
    async load({ signal }) {
      const late = (): Error => new Error(`It did not answer within ${LOAD_MS} ms.`);
      using linked = linkSignal(signal, { clock, afterMs: LOAD_MS, reason: late });
      await registry.load({ signal: linked.signal });
      signal.throwIfAborted();
    },
    validate: (spec) =>
      registry
        .unknownTools(spec)
        .map((one) =>
          one.ofModule === undefined ? { ...one, nearest: nearestName(one.name, registry.names()) } : one,
        ),
    select: (agent, trigger) => registry.select(agent, trigger),
    parseCommand,
    async run(set, call, context, options) {
      options.signal.throwIfAborted();
      // A model that names what it was not offered, for a text told it to, gets nothing.
      const isOpen = options.isDirect === true || set.specs.some(({ name }) => name === call.name);
      const registered = isOpen ? registry.toolsOf(set).get(call.name) : undefined;
      if (registered === undefined) {
        // The name is the model's invention, so it is no label.
        calls.add(1, { tool: "unknown", outcome: "unknown" });
        return unknownTool(call, set, context);
      }
      const read = await readInput(registered, call, context, logger);
      if (read.kind === "bad") {
        calls.add(1, { tool: call.name, outcome: "invalid" });
        return { text: read.text, isError: true };
      }
      options.signal.throwIfAborted();
      try {
        const { output, outcome } = await runTool(registered, read.input, context, options);
        calls.add(1, { tool: call.name, outcome });
        return output;
      } catch (error) {
        calls.add(1, { tool: call.name, outcome: "aborted" });
        throw error;
      }
    },
  };
}

type RunOptions = Parameters<Toolbox["run"]>[3];

/** What the model is told of a run that did not end well; the log gets the cause. */
function failed(
  tool: Tool,
  cause: { readonly timeoutMs: number } | { readonly error: unknown },
  context: ToolContext,
  logger: Logger,
): { output: ToolOutput; outcome: Outcome } {
  const fields = { tool: tool.spec.name, turnId: context.turnId, callId: context.callId, ...cause };
  if ("error" in cause) {
    logger.error("tool.failed", fields);
    return { output: { text: failureText(tool, cause.error, context), isError: true }, outcome: "failed" };
  }
  logger.warn("tool.timeout", fields);
  const key = tool.spec.kind === "external" ? "run.timeoutUnknown" : "run.timeout";
  const text = tell(context.language, key, { tool: tool.spec.name, seconds: cause.timeoutMs / 1_000 });
  return { output: { text, isError: true }, outcome: "timeout" };
}

type ReadInput =
  | { readonly kind: "good"; readonly input: unknown }
  | { readonly kind: "bad"; readonly text: string };

async function readInput(
  { tool, check }: Registered,
  call: ToolCallPart,
  { language }: ToolContext,
  logger: Logger,
): Promise<ReadInput> {
  if (call.arguments.length > MAX_INPUT_CHARACTERS) {
    return {
      kind: "bad",
      text: tell(language, "input.tooLarge", { tool: call.name, limit: MAX_INPUT_CHARACTERS }),
    };
  }
  let input: unknown;
  try {
    // Models send nothing at all for a tool without parameters.
    input = call.arguments.trim() === "" ? {} : JSON.parse(call.arguments);
  } catch (error) {
    const detail = (error as SyntaxError).message;
    return { kind: "bad", text: tell(language, "input.notJson", { tool: call.name, detail }) };
  }
  try {
    const problems = (await check())(input, language);
    if (problems === undefined) return { kind: "good", input };
    return { kind: "bad", text: tell(language, "input.bad", { tool: call.name, problems }) };
  } catch (error) {
    logger.error("tool.schema_invalid", { tool: tool.spec.name, error });
    return { kind: "bad", text: tell(language, "run.failed", { tool: call.name }) };
  }
}

/** Holds a tool to its port: text within bounds, and writes only where they may be committed. */
function checked(
  tool: Tool,
  output: ToolOutput,
  { language, turnId }: ToolContext,
  logger: Logger,
): { output: ToolOutput; outcome: Outcome } {
  const { name, kind } = tool.spec;
  const isDefect =
    typeof output?.text !== "string" || ((output.writes?.length ?? 0) > 0 && kind !== "transactional");
  if (isDefect) {
    logger.error("tool.bad_output", { tool: name, turnId });
    return {
      output: { text: tell(language, "run.failed", { tool: name }), isError: true },
      outcome: "failed",
    };
  }
  const text = cutOutput(output.text.trim() === "" ? tell(language, "run.empty") : output.text, language);
  // An answer of no changes nothing, whatever else the tool returned.
  if (output.isError === true) return { output: { text, isError: true }, outcome: "declined" };
  const { writes, sources } = output;
  return {
    output: {
      text,
      ...(writes === undefined ? {} : { writes }),
      ...(sources === undefined ? {} : { sources }),
    },
    outcome: "ok",
  };
}

/** Our own errors are written for people; of others only that there was one, for they may hold anything. */
function failureText({ spec }: Tool, error: unknown, { language }: ToolContext): string {
  if (!TroupeError.is(error)) return tell(language, "run.failed", { tool: spec.name });
  return tell(language, "run.failedBecause", { tool: spec.name, reason: redactText(error.message) });
}

function unknownTool(call: ToolCallPart, { specs }: ToolSet, { language }: ToolContext): ToolOutput {
  const names = specs.map((spec) => spec.name);
  const tool = call.name.slice(0, 64);
  const near = nearestName(tool, names);
  const text =
    near === undefined
      ? tell(language, "run.unknown", { tool })
      : tell(language, "run.unknownNear", { tool, near });
  return { text, isError: true };
}
