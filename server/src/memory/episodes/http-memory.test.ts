import { type EpisodeServer, episodeContract, startEpisodeServer } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createHttpEpisodeMemory } from "./http-memory.ts";

const KEY = "key-of-the-memory";
const options = { signal: new AbortController().signal };
const servers: EpisodeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function open(about: Parameters<typeof startEpisodeServer>[0] = {}): Promise<EpisodeServer> {
  const server = await startEpisodeServer(about);
  servers.push(server);
  return server;
}

const memoryAt = (url: string, apiKey: string | undefined = KEY, privateHosts = ["127.0.0.1"]) =>
  createHttpEpisodeMemory({ url, apiKey, privateHosts });

const STATUS = { refused: 403, away: 503, misused: 422 } as const;

for (const keepsAudiences of [false, true]) {
  episodeContract(`over HTTP, ${keepsAudiences ? "with" : "without"} audiences`, async () => {
    const server = await open({ key: KEY, keepsAudiences });
    return {
      memory: memoryAt(`${server.url}/`),
      fail(how) {
        const isStatus = how === "refused" || how === "away" || how === "misused";
        server.fail(isStatus ? STATUS[how] : how);
      },
      close: async () => undefined,
    };
  });
}

it("asks a host of one's own network only where it is allowed by name", async () => {
  const { url } = await open({ key: KEY });

  await expect(memoryAt(url, KEY, []).facts(options)).rejects.toMatchObject({
    code: "request.invalid",
    message: expect.stringMatching(
      /^The episode memory at .* is in a private network.*episodes\.privateHosts/,
    ),
  });
  expect(await memoryAt(url).facts(options)).toEqual({ name: "memory of tests", keepsAudiences: false });
});

it("sends its key to nobody whom the service leads on to", async () => {
  const { url } = await open({ key: KEY });
  const { createServer } = await import("node:http");
  const asked: (string | undefined)[] = [];
  const leading = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(307, { location: url }).end();
  });
  await new Promise<void>((resolve) => leading.listen(0, "127.0.0.1", resolve));
  const { port } = leading.address() as { port: number };

  await expect(memoryAt(`http://127.0.0.1:${port}`).facts(options)).rejects.toThrow(
    "answered with status 307",
  );

  expect(asked).toEqual([`Bearer ${KEY}`]);
  leading.close();
});

it.each([
  ["7", 7_000],
  ["0.0004", 1],
  ["1e300", 24 * 3_600_000],
])(
  "waits as long as a service that is busy asks for, in whole milliseconds and at most a day: %s",
  async (asked, waitMs) => {
    const { createServer } = await import("node:http");
    const busy = createServer((_request, response) =>
      response.writeHead(429, { "retry-after": asked }).end(),
    );
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as { port: number };

    await expect(memoryAt(`http://127.0.0.1:${port}`).facts(options)).rejects.toMatchObject({
      ...{ code: "channel.unavailable", retryable: true, retryAfterMs: waitMs },
    });
    busy.close();
  },
);
