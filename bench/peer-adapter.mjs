// Troupe as a peer: `setup` starts `./troupe up` of this checkout and says how to run a turn through its gateway. The
// same adapter serves our own benchmarks and a harness outside this repository.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createEventStreamClient } from "./harness/event-stream.mjs";
import { AGENT_ID, freePort, startTroupe, writeHome } from "./harness/troupe-process.mjs";

/** So many people talk to the agent, each in several conversations: recall then has earlier ones to look through. */
const PEOPLE = 20;

/** @type {import("./peer-adapter.d.mts").setup} */
export async function setup({ baseURL, dataDir }) {
  const home = join(dataDir, "home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const port = await freePort();
  writeHome(home, { port, baseUrl: baseURL });
  const troupe = await startTroupe(home, port);
  let client;
  try {
    const { key } = await troupe.command("key", "create", "--name", "bench");
    client = createEventStreamClient({ port, headers: { authorization: `Bearer ${key}` } });
  } catch (error) {
    await troupe.stop();
    throw error;
  }
  return {
    pids: () => [troupe.processId],
    async turn(conversation, text, onFirstToken) {
      let reply = "";
      const body = JSON.stringify({
        model: AGENT_ID,
        stream: true,
        user: `person-${hashOf(conversation) % PEOPLE}`,
        messages: [{ role: "user", content: text }],
      });
      await client.post("/v1/chat/completions", { "x-troupe-session": conversation }, body, (data) => {
        const event = JSON.parse(data);
        if (event.error) throw new Error(JSON.stringify(event.error));
        const delta = event.choices[0]?.delta?.content;
        if (!delta) return;
        onFirstToken();
        reply += delta;
      });
      return reply;
    },
    async close() {
      client.close();
      await troupe.stop();
    },
  };
}

function hashOf(text) {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (hash * 31 + text.charCodeAt(index)) >>> 0;
  return hash;
}
