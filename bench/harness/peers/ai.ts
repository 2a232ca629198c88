import type { ModelMessage } from "ai";
import type { Peer } from "../peer.ts";
import { createAiTurns } from "./ai-turn.ts";

/** The AI SDK alone: history in memory, nothing survives. */
export function createAiPeer(baseUrl: string): Peer {
  const turns = createAiTurns(baseUrl);
  const histories = new Map<string, ModelMessage[]>();
  return {
    async turn(conversation, text, onFirstToken) {
      const history = histories.get(conversation) ?? [];
      histories.set(conversation, history);
      history.push({ role: "user", content: text });
      const result = await turns.run(history, onFirstToken);
      history.push(...result.added);
      return result.text;
    },
  };
}
