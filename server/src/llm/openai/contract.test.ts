import type { ModelMessage } from "@troupe/contracts";
import { type ModelHarness, modelContract, type WireMessage } from "@troupe/testing";
import { ask, openProviderStage, TOOLS } from "../../../../tests/llm/provider-stage.ts";

modelContract("OpenAI chat dialect", async (): Promise<ModelHarness> => {
  const stage = await openProviderStage();
  const { server, provider } = stage;
  return {
    model: provider.model("scripted"),
    forText() {
      server.enqueue({ tokens: ["One ", "two ", "three"], gapMs: 10 });
      return ask();
    },
    forCalls: (count) => ({
      messages: [
        {
          role: "user",
          text: 'use tool dice {"x":"a b"} use tool time'.slice(0, count === 1 ? 24 : undefined),
        },
      ],
      tools: TOOLS,
    }),
    forUnicode() {
      server.enqueue({ tokens: ["Їжа", "к і 🦔", " — ок"], splitBytes: 1 });
      return { request: ask(), text: "Їжак і 🦔 — ок" };
    },
    forNothing() {
      server.enqueue({ text: "" });
      return ask();
    },
    received: () => (server.requests.at(-1)?.body.messages ?? []).map(fromWire),
    close: () => Promise.resolve(stage[Symbol.asyncDispose]()),
  };
});

function fromWire(message: WireMessage): ModelMessage {
  const text = message.content ?? "";
  if (message.role === "system" || message.role === "user") return { role: message.role, text };
  if (message.role === "tool")
    return { role: "tool", callId: message.tool_call_id ?? "", name: "", text, isError: false };
  const calls = message.tool_calls?.map((call) => ({ callId: call.id, ...call.function })) ?? [];
  return { role: "assistant", text, calls };
}
