import type { Agent, CallOptions, InboundMessage, Principal } from "@troupe/contracts";
import type { InboxDeps } from "./deps.ts";
import type { Refused } from "./refusals.ts";

/** What the hooks before a message leave of it. They fail closed: one that breaks refuses it. */
export async function gateByHooks(
  { hooks }: Pick<InboxDeps, "hooks">,
  message: InboundMessage,
  agent: Agent,
  principal: Principal,
  options: CallOptions,
): Promise<{ readonly kind: "passed"; readonly message: InboundMessage } | Refused> {
  if (hooks?.has("before_message") !== true) return { kind: "passed", message };
  const outcome = await hooks.gateMessage({ message, agent, principal }, { ...options, spec: agent.spec });
  if (outcome.kind === "pass") return { kind: "passed", message: outcome.message };
  return { kind: "refused", code: outcome.code, message: outcome.reason };
}
