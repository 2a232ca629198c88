// A client of event streams that costs as little as one can, since it shares the machine with what it measures.
import { Agent, request } from "node:http";

/** @type {import("./event-stream.d.mts").createEventStreamClient} */
export function createEventStreamClient({ port, headers = {} }) {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 4096 });
  return {
    post(path, moreHeaders, body, onData) {
      return new Promise((resolve, reject) => {
        const outgoing = request(
          {
            host: "127.0.0.1",
            port,
            path,
            method: "POST",
            agent,
            headers: {
              "content-type": "application/json",
              "content-length": Buffer.byteLength(body),
              ...headers,
              ...moreHeaders,
            },
          },
          (incoming) => readStream(incoming, onData, resolve, reject),
        );
        outgoing.on("error", reject);
        outgoing.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

function readStream(incoming, onData, resolve, reject) {
  let pending = "";
  let isDone = false;
  incoming.setEncoding("utf8");
  incoming.on("error", reject);
  incoming.on("data", (chunk) => {
    pending += chunk;
    if (incoming.statusCode !== 200) return;
    let from = 0;
    let to = pending.indexOf("\n\n");
    while (to >= 0) {
      // Lines that begin with a colon are keep-alives.
      if (pending.startsWith("data: ", from)) {
        const data = pending.slice(from + 6, to);
        if (data === "[DONE]") isDone = true;
        else onData(data);
      }
      from = to + 2;
      to = pending.indexOf("\n\n", from);
    }
    pending = pending.slice(from);
  });
  incoming.on("end", () => {
    if (incoming.statusCode !== 200)
      reject(new Error(`HTTP ${incoming.statusCode}: ${pending.slice(0, 500)}`));
    else if (!isDone) reject(new Error("The stream ended before [DONE]."));
    else resolve();
  });
}
