import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { type GuardedFetchOptions, guardedFetch } from "./guarded-fetch.ts";
import { isPublicAddress } from "./public-address.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(
  answer: RequestListener,
): Promise<{ readonly origin: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(String(request.url));
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const get = (url: string, options: Partial<GuardedFetchOptions> = {}) =>
  guardedFetch(url, {
    ...{ signal: new AbortController().signal, maxBytes: 1_000, timeoutMs: 5_000 },
    ...options,
  });
const own = { privateHosts: ["127.0.0.1"] };

it("only addresses of the public internet are public", () => {
  for (const address of ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
  const inside = [
    ...["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"],
    ...["224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1"],
    ...["64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "2001::1", "not an address", ""],
  ];
  for (const address of inside) expect([address, isPublicAddress(address)]).toEqual([address, false]);
});

it("gives a page's bytes, its type and its charset, also of one that leads on and of one that is packed", async () => {
  const { origin, asked } = await serve(({ url }, response) => {
    if (url === "/old") response.writeHead(302, { location: "/new" }).end();
    else
      response
        .writeHead(200, { "content-type": "Text/HTML; charset=KOI8-U", "content-encoding": "gzip" })
        .end(gzipSync("words"));
  });

  const page = await get(`${origin}/old#part`, own);

  expect(page).toMatchObject({ url: `${origin}/new`, mediaType: "text/html", charset: "KOI8-U" });
  expect(Buffer.from(page.bytes).toString()).toBe("words");
  expect(asked).toEqual(["/old", "/new"]);
});

it("asks nothing of a private address, however it is written, and not where a redirect leads to one", async () => {
  const inside = await serve((_, response) => response.end("secret"));
  const { port } = new URL(inside.origin);
  const refused = ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"];
  for (const host of refused) {
    await expect(get(`http://${host}:${port}/`), host).rejects.toMatchObject({
      code: "request.invalid",
      message: expect.stringContaining("is in a private network"),
    });
  }
  const { origin } = await serve((_, response) =>
    response.writeHead(301, { location: `http://127.0.0.2:${port}/` }).end(),
  );
  await expect(get(origin, own)).rejects.toThrow("is in a private network");
  expect(inside.asked).toEqual([]);
});

it("a name is looked up where it connects: one that leads inside by then is refused", async () => {
  const inside = await serve((_, response) => response.end("secret"));
  const leads = (...addresses: readonly string[]): LookupFunction =>
    ((_host: string, _options: unknown, done: (error: null, found: unknown) => void) =>
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      )) as unknown as LookupFunction;
  const url = inside.origin.replace("127.0.0.1", "rebound.test");

  await expect(get(url, { lookup: leads("127.0.0.1") })).rejects.toThrow("is in a private network");
  expect(inside.asked).toEqual([]);
  const named = await get(url, { lookup: leads("127.0.0.1"), privateHosts: ["rebound.test"] });
  expect(Buffer.from(named.bytes).toString()).toBe("secret");
});

it("ends with one sentence where a page is too long, late, packed to burst, gone, or leads on for ever", async () => {
  const { origin } = await serve(({ url }, response) => {
    if (url === "/long") response.end("x".repeat(5_000));
    else if (url === "/bomb")
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000)));
    else if (url === "/round") response.writeHead(307, { location: "/round" }).end();
    else if (url === "/gone") response.writeHead(404).end("no");
    else if (url === "/slow") response.write("a");
  });
  const fails = (path: string, text: string, options: Partial<GuardedFetchOptions> = {}) =>
    expect(get(origin + path, { ...own, ...options })).rejects.toMatchObject({
      code: "request.invalid",
      message: `The page at ${origin} ${text}.`,
    });

  await fails("/long", "is longer than 1000 bytes");
  await fails("/bomb", "is longer than 1000 bytes");
  await fails("/round", "leads on more than 5 times");
  await fails("/gone", "answered with status 404");
  await fails("/slow", "did not answer in time", { timeoutMs: 200 });
  await expect(get("file:///etc/passwd")).rejects.toThrow("is no address that begins with http://");
  await expect(get("http://user:word@example.test/")).rejects.toThrow("a name and password");
});

it("lets go at once of a server that answers with no page and goes on talking", async () => {
  const left = Promise.withResolvers<void>();
  const { origin } = await serve((request, response) => {
    request.socket.on("close", () => left.resolve());
    response.writeHead(404).write("no");
  });

  await expect(get(origin, { ...own, timeoutMs: 600_000 })).rejects.toThrow("answered with status 404");
  await left.promise;
});

it("stops with its signal", async () => {
  const { origin } = await serve(() => undefined);
  const controller = new AbortController();
  const page = get(origin, { ...own, signal: controller.signal });
  controller.abort(new Error("not wanted"));

  await expect(page).rejects.toThrow("not wanted");
});
