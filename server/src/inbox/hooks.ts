import type { Agent, CallOptions, InboundMessage, Principal } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { detectLanguage, say } from "../kit/index.ts";
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
  // Of a hook that broke nobody but the log is to know more.
  const text = textOf(message.parts);
  const why = outcome.code === "internal" ? say(detectLanguage(text), "refused.unchecked") : outcome.reason;
  return { kind: "refused", code: outcome.code, message: why };
}
