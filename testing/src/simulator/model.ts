import type {
  LanguageModel,
  ModelChoice,
  ModelEvent,
  ModelRequest,
  ModelRouter,
  ModelToolCall,
  TroupeError,
  Usage,
} from "@troupe/contracts";
import type { SimulatedProcess } from "./process.ts";

/** What one call of the model answers, piece by piece. */
export interface ModelPlan {
  readonly pieces: readonly string[];
  readonly calls: readonly ModelToolCall[];
  /** Milliseconds before each piece. */
  readonly paceMs: number;
  /** After the pieces: comes to its end, fails, or says nothing more until it is aborted. */
  readonly ending: "stop" | "hang" | TroupeError;
  readonly usage: Usage;
}

/** A router with one model that answers as `script` says. */
export function createSimulatedRouter(
  process: SimulatedProcess,
  script: (request: ModelRequest) => ModelPlan,
): ModelRouter {
  const model: LanguageModel = {
    provider: "simulated",
    modelId: "scripted",
    contextWindow: 100_000,
    stream: (request, { signal }) => answer(process, script(request), signal),
  };
  const choices: readonly ModelChoice[] = [
    {
      model,
      name: "simulated/scripted",
      price: { inputUsdPerMillion: 1, cachedInputUsdPerMillion: 1, outputUsdPerMillion: 2 },
    },
  ];
  return {
    choices: () => choices,
    stream([choice], request, { signal, onModel }) {
      if (choice === undefined) throw new TypeError("A call without a choice.");
      onModel(choice);
      return choice.model.stream(request, { signal });
    },
  };
}

async function* answer(
  process: SimulatedProcess,
  plan: ModelPlan,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const end = (reason: "stop" | "tool-calls" | "error" | "aborted", error?: TroupeError): ModelEvent => ({
    type: "end",
    reason,
    usage: plan.usage,
    estimated: false,
    ...(error === undefined ? {} : { error }),
  });
  try {
    for (const text of plan.pieces) {
      await process.pause(plan.paceMs, "model", signal);
      yield { type: "text-delta", text };
    }
    await process.pause(plan.paceMs, "model", signal);
    if (plan.ending === "hang") await process.pause(Number.MAX_SAFE_INTEGER, "model hangs", signal);
  } catch {
    yield end("aborted");
    return;
  }
  if (plan.ending !== "stop" && plan.ending !== "hang") return yield end("error", plan.ending);
  for (const call of plan.calls) yield { type: "tool-call", call };
  yield end(plan.calls.length === 0 ? "stop" : "tool-calls");
}
