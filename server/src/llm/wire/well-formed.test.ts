import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectEvents, createManualClock } from "@troupe/testing";
import { expect, test } from "vitest";
import { openProvider } from "../index.ts";
import { wellFormedJson } from "./well-formed.ts";

test("JSON with half a letter is that of the text with a letter that nothing can show, all else stays as it is", () => {
  const whole = ["tea", "чай \u{1F375}", 'a "\\ud83d" that somebody typed', "\\\\ud83d\\", "line\nbreak"];
  for (const text of whole) expect(wellFormedJson(JSON.stringify({ text }))).toBe(JSON.stringify({ text }));
  const half = ["\ud83d", "cut \ud83c…", "\udf75 tail", "\\\ud83d", "\\\\\udfff\u{1F375}"];
  for (const text of half)
    expect(JSON.parse(wellFormedJson(JSON.stringify({ text })))).toEqual({ text: text.toWellFormed() });
});

test.each(["openai-compatible", "anthropic", "google"] as const)(
  "no request to %s holds half a letter",
  async (kind) => {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      bodies.push(Buffer.concat(pieces).toString());
      response.writeHead(400, { "content-type": "application/json" }).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const provider = openProvider(
      "p",
      { kind, baseUrl, apiKey: "k" },
      { clock: createManualClock(), random: () => 0 },
    );
    if (provider === undefined) throw new Error("There is no such provider.");
    const messages = [
      { role: "system", text: "Said last: \ud83c…" },
      { role: "user", text: "half \ud83d" },
    ] as const;

    await collectEvents(provider.model("m"), { messages, tools: [] });
    await collectEvents(provider.model("m"), { messages, tools: [], conversation: {} });
    await provider.close();
    server.close();

    expect(bodies).toHaveLength(2);
    for (const body of bodies) {
      expect(body).toContain("half \ufffd");
      expect(body).not.toContain("\\ud8");
    }
  },
);
