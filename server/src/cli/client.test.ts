import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAnswering } from "./client.ts";

let folder: string;
let socketPath: string;
let server: Server;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-client-"));
  socketPath = join(folder, "admin.sock");
});

afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

async function listen(onText: (answer: (text: string) => void) => void): Promise<void> {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => onText((text) => socket.end(text)));
  });
  await once(server.listen(socketPath), "listening");
}

test("a socket that nobody listens on is of no Troupe", async () => {
  expect(await isAnswering(socketPath)).toBe(false);
});

test("any answer is one, also that of a Troupe which is not ready", async () => {
  await listen((answer) => answer("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"));

  expect(await isAnswering(socketPath)).toBe(true);
});

test("one that takes the call and stays silent is not waited for without end", async () => {
  await listen(() => undefined);

  await expect(isAnswering(socketPath, 50)).rejects.toMatchObject({
    code: "not_ready",
    message: expect.stringContaining("does not answer (nothing within 0.05 s)"),
  });
});
