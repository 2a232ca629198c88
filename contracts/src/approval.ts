import type { Agent } from "./agent.ts";
import type { CallOptions, Principal } from "./runtime.ts";
import type { ToolKind } from "./tool.ts";
import type { Trigger } from "./turn.ts";

/** `ask`: a person has to agree first. */
export type ApprovalRule = "allow" | "deny" | "ask";

/** A call that a model, a command or a button wants to make. */
export interface ApprovalRequest {
  readonly agent: Agent;
  readonly principal: Principal;
  readonly trigger: Trigger;
  readonly tool: string;
  readonly kind: ToolKind;
  /** The call's input as JSON text, not checked yet. */
  readonly arguments: string;
}

/**
 * Whether a call may run. Asked before each one, and before an external call's intent is kept. No answer means no: a
 * policy that rejects, or takes longer than it may, denies.
 */
export interface ApprovalPolicy {
  /** `ask` where nobody can be asked is a no too; whoever watches is told which of the two it was. */
  decide(request: ApprovalRequest, options: CallOptions): Promise<ApprovalRule>;
}
