import { startChild } from "../child.ts";
import { createEventStreamClient } from "../event-stream.mjs";
import type { Peer } from "../peer.ts";

/** The fair bound for a gateway: the AI SDK, SQLite and HTTP in a process of their own. */
export async function createAiHttpPeer(baseUrl: string, dataFolder: string): Promise<Peer> {
  const server = await startChild(new URL("./ai-http-server.ts", import.meta.url), [], {
    MODEL_URL: baseUrl,
    DATA_FOLDER: dataFolder,
  });
  const client = createEventStreamClient({ port: server.greeting as number });
  return {
    pids: () => [server.processId],
    async turn(conversation, text, onFirstToken) {
      let reply = "";
      await client.post("/chat", {}, JSON.stringify({ conversation, text }), (data) => {
        onFirstToken();
        reply += JSON.parse(data) as string;
      });
      return reply;
    },
    async close() {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}
