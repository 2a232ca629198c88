// What three of the peers share: the AI SDK's streamText with one tool, up to five steps a turn.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { isStepCount, type ModelMessage, streamText, tool } from "ai";
import { z } from "zod";

const MOST_STEPS = 5;

export interface AiTurns {
  /** Runs one turn over the messages so far, and resolves with its reply and the messages that it adds. */
  run(
    messages: ModelMessage[],
    onText: (text: string) => void,
  ): Promise<{ readonly text: string; readonly added: readonly ModelMessage[] }>;
}

export function createAiTurns(baseUrl: string): AiTurns {
  const model = createOpenAICompatible({ name: "bench", baseURL: baseUrl, apiKey: "none" })("bench");
  const tools = {
    remember: tool({
      description: "Keeps a fact for later conversations.",
      inputSchema: z.object({ text: z.string() }),
      execute: async ({ text }) => `Kept: ${text}`,
    }),
  };
  return {
    async run(messages, onText) {
      const result = streamText({
        model,
        instructions: "You are a helpful assistant.",
        messages,
        tools,
        stopWhen: isStepCount(MOST_STEPS),
        onError: ({ error }) => {
          throw error;
        },
      });
      let text = "";
      for await (const delta of result.textStream) {
        onText(delta);
        text += delta;
      }
      return { text, added: await result.responseMessages };
    },
  };
}
