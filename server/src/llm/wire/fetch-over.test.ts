import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectEvents, createManualClock, endOf } from "@troupe/testing";
import { expect, test } from "vitest";
import { openProvider } from "../index.ts";

test.each(["anthropic", "google"] as const)("an answer of %s that never ends is stopped", async (kind) => {
  const line = Buffer.alloc(1024 * 1024, "x");
  let isLeft = false;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    const goOn = (): void => {
      if (!response.destroyed) response.write(line, goOn);
    };
    response.on("close", () => {
      isLeft = true;
    });
    response.write("data: ", goOn);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const config = { kind, baseUrl, apiKey: "k" };
  const provider = openProvider("p", config, { clock: createManualClock(), random: () => 0 });
  if (provider === undefined) throw new Error("There is no such provider.");

  const request = { messages: [{ role: "user", text: "hello" }], tools: [] } as const;
  const end = endOf(await collectEvents(provider.model("m"), request));
  await expect.poll(() => isLeft).toBe(true);
  await provider.close();
  server.close();

  expect(end.error).toMatchObject({ code: "model.bad_response", retryable: true });
  expect(end.error?.message).toBe('The model "p/m" sent more than any answer holds.');
});
