import type { AcceptResult, CallOptions } from "@troupe/contracts";
import { dateText, detectLanguage, say } from "../kit/index.ts";
import type { Way } from "./deps.ts";
import type { Draft } from "./draft.ts";
import { refuse } from "./refusals.ts";

/** What becomes of a message whose cost a budget has no room for: a draft to try again, or what its sender is told. */
export async function atLimit(
  way: Way,
  draft: Draft,
  options: CallOptions & { readonly isLast: boolean },
): Promise<
  { readonly kind: "again"; readonly draft: Draft } | { readonly kind: "end"; readonly result: AcceptResult }
> {
  const { deps } = way;
  const agent = draft.runner;
  const { microUsd, budgets } = draft.outlay;
  const model = draft.payload.model ?? agent.spec.model;
  const verdict = await deps.budgets.atLimit({ budgets, microUsd, model }, options);
  if (verdict.kind === "retry" && !options.isLast) return { kind: "again", draft };
  if (verdict.kind === "cheaper" && !options.isLast) {
    const outlay = deps.outlay(agent, draft.message, {
      at: draft.at,
      sessionId: draft.sessionId,
      model: verdict.model,
    });
    return {
      kind: "again",
      draft: { ...draft, outlay, payload: { ...draft.payload, model: verdict.model } },
    };
  }
  const opensAt = verdict.kind === "refuse" ? verdict.opensAt : (budgets[0]?.resetsAt ?? draft.at);
  const key =
    verdict.kind === "refuse" && verdict.isAsked ? "refused.budget.asked" : "refused.budget.exceeded";
  const language = detectLanguage(draft.text);
  const result = refuse(deps, way.outcomes, draft.message, draft.principal, {
    kind: "refused",
    code: "budget.exceeded",
    message: say(language, key, { when: dateText(language, opensAt) }),
    retryAfterMs: Math.max(0, opensAt - deps.clock.now()),
  });
  return { kind: "end", result };
}
