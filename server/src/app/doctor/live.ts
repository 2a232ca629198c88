import type { CallOptions, Clock, IdGenerator, ModelRouter, Principal } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type AskOnceDeps, askOnce } from "../../memory/index.ts";
import type { Config } from "../config/index.ts";
import type { Finding } from "./finding.ts";

/** What one model said to one short real question. */
export interface ModelCheck {
  readonly model: string;
  readonly tookMs: number;
  readonly answer?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface CheckModelsDeps extends AskOnceDeps {
  readonly router: ModelRouter;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}

const QUESTION = "Answer with the one word: ready";
/** Reasoning models think within it. */
const MOST_TOKENS = 256;
const PATIENCE_MS = 60_000;
const AT_ONCE = 4;

/** Every model that an agent may be answered by: of all lists, and those that agents name themselves. */
export function configuredModels({ models, agents }: Pick<Config, "models" | "agents">): readonly string[] {
  const direct = agents.map((agent) => agent.model).filter((name) => name.includes("/"));
  return [...new Set([...Object.values(models).flat(), ...direct])];
}

/** Asks each model by itself, a few at once; its cost is reserved and settled as any call's. Never rejects for a model. */
export async function checkModels(
  deps: CheckModelsDeps,
  models: readonly string[],
  principal: Principal,
  options: CallOptions,
): Promise<readonly ModelCheck[]> {
  const waiting = [...models.entries()];
  const checks: ModelCheck[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      checks[next[0]] = await checkModel(deps, next[1], principal, options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return checks;
}

async function checkModel(
  deps: CheckModelsDeps,
  model: string,
  { spaceId, id }: Principal,
  { signal }: CallOptions,
): Promise<ModelCheck> {
  const startedMs = deps.clock.monotonicMs();
  const took = (): number => Math.round(deps.clock.monotonicMs() - startedMs);
  try {
    const answer = await askOnce(deps, {
      choices: deps.router.choices(model),
      request: {
        messages: [{ role: "user", text: QUESTION }],
        tools: [],
        maxOutputTokens: MOST_TOKENS,
        hints: { agentName: "Troupe", language: "en" },
      },
      holder: deps.ids.next(),
      purpose: "check",
      about: {
        ...{ spaceId, agentId: "", sessionId: "", turnId: "", peerId: id, ownerId: id },
        storylineId: undefined,
      },
      // Once for each call of a command, so nothing long-lived keeps it.
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    return { model, tookMs: took(), answer: answer.trim().slice(0, 200) };
  } catch (error) {
    return { model, tookMs: took(), error: failureOf(error) };
  }
}

function failureOf(error: unknown): NonNullable<ModelCheck["error"]> {
  if (TroupeError.is(error)) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "model.timeout", message: `It did not answer within ${PATIENCE_MS / 1000} s (${message}).` };
}

export function modelFindings(checks: readonly ModelCheck[]): readonly Finding[] {
  return checks.map(({ model, tookMs, answer, error }) => {
    const base = { name: `Model ${model}`, how: "asked it one short question" };
    const took = `${(tookMs / 1000).toFixed(1)} s`;
    if (error !== undefined) {
      return {
        ...base,
        verdict: "bad",
        what: error.message.replace(/\.$/, ""),
        remedy: remedyOf(error.code, model),
      };
    }
    if (answer === undefined || answer === "") {
      const remedy = "It ended without a word; a larger limit of tokens, or another model, may help.";
      return { ...base, verdict: "warning", what: `answered nothing, in ${took}`, remedy };
    }
    return { ...base, verdict: "good", what: `answered in ${took}` };
  });
}

function remedyOf(code: string, model: string): string {
  const provider = model.split("/")[0] ?? "";
  switch (code) {
    case "model.auth":
      return `Give it another key: ./troupe secret set ${provider}, and providers.${provider}.apiKey: \${secret:${provider}}`;
    case "model.billing":
      return "Its account has no credit left; add some at the provider.";
    case "model.not_found":
    case "model.unknown":
      return "Choose another of its models, or mend the name in troupe.yaml.";
    case "budget.exceeded":
      return "Raise the budget in troupe.yaml, or wait until its period ends.";
    default:
      return `Check providers.${provider} and the line to it; other models of a list answer meanwhile.`;
  }
}
