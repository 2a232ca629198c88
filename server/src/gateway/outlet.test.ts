import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createManualClock } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PublicCall } from "./call.ts";
import { openOutlet } from "./outlet.ts";

const clock = createManualClock();
let server: Server;
beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A client that has asked, and the stream that answers it; `chunks` are what came, as it was written. */
async function open(isHurried: boolean) {
  const asked = once(server, "request") as Promise<[IncomingMessage, ServerResponse]>;
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  request.on("error", () => undefined);
  const answered = new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
  const [, outgoing] = await asked;
  const gone: string[] = [];
  const outlet = openOutlet({ node: { outgoing } } as unknown as PublicCall, "first ", {
    ...{ headers: {}, bufferedBytes: 1_000_000, onEnded: () => void gone.push("ended") },
    onGone: (reason) => void gone.push(reason),
    ...(isHurried ? {} : { firstMayWait: clock }),
  });
  const chunks: string[] = [];
  void answered.then((incoming) => {
    incoming.on("error", () => undefined).setEncoding("utf8");
    incoming.on("data", (text: string) => chunks.push(text));
  });
  return { outlet, outgoing, request, answered, chunks, gone };
}

test("the first words wait for those that follow at once, and are one write with them", async () => {
  const { outlet, answered, chunks, gone } = await open(false);

  outlet.write("second ");
  const incoming = await answered;
  await expect.poll(() => chunks).toEqual(["first second "]);
  outlet.end("last");
  await once(incoming, "end");

  expect([chunks, gone, clock.timers]).toEqual([["first second ", "last"], ["ended"], 0]);
});

test("the first words go alone where nothing follows them soon, or where they may not wait", async () => {
  const patient = await open(false);
  const hurried = await open(true);

  await hurried.answered;
  await expect.poll(() => hurried.chunks).toEqual(["first "]);
  expect(patient.outgoing.headersSent && patient.outgoing.writableLength).toBe(0);
  expect(patient.chunks).toEqual([]);
  await clock.advance(25);
  await expect.poll(() => patient.chunks).toEqual(["first "]);
});

test("a client that leaves meanwhile leaves no timer behind", async () => {
  const { request, gone } = await open(false);

  request.destroy();

  await expect.poll(() => gone).toEqual(["client-left"]);
  expect(clock.timers).toBe(0);
});
