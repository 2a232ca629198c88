import type { ModelRequest, ToolSpec } from "@troupe/contracts";
import { type ModelHarness, modelContract } from "@troupe/testing";
import { createOfflineModel } from "./model.ts";

const TOOLS: readonly ToolSpec[] = ["dice", "time"].map((name) => ({
  name,
  description: name,
  inputSchema: { type: "object" },
  kind: "pure",
}));
const ask = (text: string): ModelRequest => ({ messages: [{ role: "user", text }], tools: TOOLS });

modelContract(
  "offline guide",
  async (): Promise<ModelHarness> => ({
    model: createOfflineModel(),
    forText: () => ask("hello"),
    forCalls: (count) => ask(count === 1 ? "roll 2d6" : "roll 2d6 and what time is it?"),
    forUnicode: () => ({ request: ask("Привіт!") }),
    close: () => Promise.resolve(),
  }),
);
