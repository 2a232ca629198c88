import type { Agent, Budgets, InboundMessage, ModelChoice, ModelRouter, Toolbox } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import { estimateMicroUsd } from "../agent/index.ts";
import type { Outlay } from "../inbox/index.ts";
import { estimateTokens } from "../kit/index.ts";

/** Tokens of history that a reservation allows for at least; what a call really cost is settled after it. */
const RESERVED_HISTORY_TOKENS = 4000;
/** What a prompt holds beside its history and the message: memories, the summary, what is said of the situation. */
const RESERVED_BLOCK_TOKENS = 2000;

/**
 * What a turn may cost at most before it asks for more: one call of the dearest model of its list, and a second one where
 * the agent has tools, so that the call after a tool needs no commit before it. A model that nobody knows costs nothing
 * here: the message is kept, and its turn ends by saying so. Where no budget pays for it, nothing is reserved.
 */
export function outlayOf(
  agent: Agent,
  message: InboundMessage,
  deps: {
    readonly router: Pick<ModelRouter, "choices">;
    readonly toolbox: Pick<Toolbox, "select">;
    readonly budgets: Budgets;
    /** Of the history that the prompt will show; undefined where it is not in memory. Too little costs a commit more. */
    readonly historyTokens: number | undefined;
  },
  at: number,
  model: string = agent.spec.model,
): Outlay {
  const { router, toolbox } = deps;
  const { peerId } = message;
  const budgets = deps.budgets.of({ spaceId: agent.spaceId, agentId: agent.spec.id, peerId }, at);
  if (budgets.length === 0) return { microUsd: 0, budgets };
  const choices = message.direct === undefined ? knownChoices(router, model) : [];
  if (choices.every(isFree)) return { microUsd: 0, budgets };
  const history = Math.max(RESERVED_HISTORY_TOKENS, (deps.historyTokens ?? 0) + RESERVED_BLOCK_TOKENS);
  const given = message.given?.reduce((sum, one) => sum + estimateTokens(one.text), 0) ?? history;
  const inputTokens = estimateTokens(agent.spec.instructions) + estimateTokens(textOf(message.parts)) + given;
  const calls = toolbox.select(agent, message.trigger).specs.length > 0 ? 2 : 1;
  return { microUsd: calls * estimateMicroUsd(choices, inputTokens, message.maxOutputTokens), budgets };
}

function knownChoices(router: Pick<ModelRouter, "choices">, model: string): readonly ModelChoice[] {
  try {
    return router.choices(model);
  } catch (error) {
    if (!TroupeError.is(error, "model.unknown")) throw error;
    return [];
  }
}

function isFree({ price }: ModelChoice): boolean {
  return price === undefined || price.inputUsdPerMillion + price.outputUsdPerMillion === 0;
}
