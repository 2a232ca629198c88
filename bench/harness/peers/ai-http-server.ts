// The AI SDK with SQLite behind HTTP: the chat gateway that one writes by hand. It takes MODEL_URL and DATA_FOLDER, and
// says its port over IPC.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createSqliteTurns } from "./ai-sqlite.ts";

const turns = createSqliteTurns(process.env.MODEL_URL ?? "", process.env.DATA_FOLDER ?? "");

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  incoming.setEncoding("utf8");
  for await (const piece of incoming) body += piece;
  const { conversation, text } = JSON.parse(body) as { readonly conversation: string; readonly text: string };
  response.writeHead(200, { "content-type": "text/event-stream" });
  await turns.turn(conversation, text, (delta) => {
    response.write(`data: ${JSON.stringify(delta)}\n\n`);
  });
  response.end("data: [DONE]\n\n");
}

const server = createServer((incoming, response) => {
  answer(incoming, response).catch((error: unknown) => {
    console.error("ai-http:", error);
    response.destroy();
  });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  process.send?.({ id: 0, value: (server.address() as AddressInfo).port });
});
