import type { ApprovalPolicy } from "@troupe/contracts";

/** What the agent's own blueprint says under `approvals`; a tool that is not named there may run. */
export function createBlueprintPolicy(): ApprovalPolicy {
  return {
    async decide({ agent, tool }) {
      const { approvals } = agent.spec;
      return approvals !== undefined && Object.hasOwn(approvals, tool)
        ? (approvals[tool] ?? "deny")
        : "allow";
    },
  };
}
