import type { Agent, AgentSpec, Tool } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { expect, it } from "vitest";
import { createMetrics } from "../kit/index.ts";
import { createToolbox } from "./toolbox.ts";

const toolOf = (name: string): Tool => ({
  spec: { name, description: `Runs ${name}.`, kind: "pure", inputSchema: { type: "object" } },
  run: async () => ({ text: `${name} ran` }),
});

const agentOf = (changes: Partial<AgentSpec>): Agent => ({
  spaceId: "default",
  revision: 1,
  spec: { id: "ana", name: "Ana", model: "default", instructions: "Help.", ...changes },
});

it("offers a module's tools to agents that have the module, whether they name them or none", async () => {
  const toolbox = createToolbox({
    ...{ clock: createManualClock(), logger: createLogRecorder(), metrics: createMetrics() },
    sources: [
      { id: "builtin", list: async () => [toolOf("time")] },
      { id: "module:jobs", moduleId: "jobs", list: async () => [toolOf("remind_me")] },
    ],
  });
  await toolbox.load({ signal: new AbortController().signal });
  const names = (changes: Partial<AgentSpec>) =>
    toolbox.select(agentOf(changes), "chat").specs.map((spec) => spec.name);

  expect(names({})).toEqual(["time", "remind_me"]);
  expect(names({ tools: ["remind_me"] })).toEqual(["remind_me"]);
  expect(names({ without: ["jobs"] })).toEqual(["time"]);
  expect(names({ modules: ["memory"], tools: ["remind_me", "time"] })).toEqual(["time"]);
  const missing = (changes: Partial<AgentSpec>) =>
    toolbox.validate(agentOf({ tools: ["remind_me", "time"], ...changes }).spec);
  expect(missing({})).toEqual([]);
  expect(missing({ without: ["jobs"] })).toEqual([{ setting: "tools", name: "remind_me", ofModule: "jobs" }]);
});
