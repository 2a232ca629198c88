import {
  type CallOptions,
  type LanguageModel,
  type ModelEvent,
  type ModelMessage,
  type ModelRequest,
  NO_USAGE,
  TroupeError,
  type Usage,
} from "@troupe/contracts";
import { estimateTokens } from "../../kit/index.ts";

export const OFFLINE_PROVIDER = "offline";
export const OFFLINE_MODEL_ID = "guide";

const CONTEXT_WINDOW = 128_000;

/**
 * The guide: rules in place of a model, so that everything can be toured and tested without a key. The same request
 * gives the same answer; it says what it is, and calls real tools. Source: design §8.
 */
export function createOfflineModel(provider: string = OFFLINE_PROVIDER): LanguageModel {
  return {
    provider,
    modelId: OFFLINE_MODEL_ID,
    contextWindow: CONTEXT_WINDOW,
    stream(request, options) {
      if (request.messages.length === 0) {
        throw new TroupeError("A model was asked without a single message.", { code: "internal" });
      }
      return answer(request, options);
    },
  };
}

async function* answer(request: ModelRequest, { signal }: CallOptions): AsyncGenerator<ModelEvent> {
  if (signal.aborted) {
    yield { type: "end", reason: "aborted", usage: NO_USAGE, estimated: true };
    return;
  }
  const inputTokens = request.messages.reduce((sum, message) => sum + tokensOf(message), 0);
  // Its phrases and rules are loaded with the first question: most processes ask a model.
  const { answerTo } = await import("./answer-to.ts");
  const reply = answerTo(request);
  let told = "";
  const usage = (more = ""): Usage => ({
    inputTokens,
    cachedInputTokens: 0,
    outputTokens: told + more === "" ? 0 : estimateTokens(told + more),
  });
  const limit = request.maxOutputTokens;
  for (const word of reply.text.match(/\s*\S+/g) ?? []) {
    if (signal.aborted) {
      yield { type: "end", reason: "aborted", usage: usage(), estimated: true };
      return;
    }
    if (limit !== undefined && estimateTokens(told + word) > limit) {
      yield { type: "end", reason: "length", usage: usage(), estimated: true };
      return;
    }
    told += word;
    yield { type: "text-delta", text: word };
  }
  for (const call of reply.calls) yield { type: "tool-call", call };
  const written = reply.calls.map((call) => call.name + call.arguments).join("");
  const reason = signal.aborted ? "aborted" : reply.calls.length > 0 ? "tool-calls" : "stop";
  yield { type: "end", reason, usage: usage(written), estimated: true };
}

function tokensOf(message: ModelMessage): number {
  const calls = message.role === "assistant" ? message.calls.map((call) => call.arguments).join("") : "";
  return estimateTokens(message.text + calls);
}
