import { afterEach, expect, test } from "vitest";
import type { PageSource } from "./deps.ts";
import { createStage } from "./fixtures.ts";
import { createGateway } from "./gateway.ts";
import type { Listening } from "./listener.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const SOURCE: PageSource = {
  index: async () => ({ bytes: bytes("<p>page</p>"), type: "text/html; charset=utf-8", etag: "i1" }),
  asset: async (name) =>
    name === "a.js"
      ? { bytes: bytes("plain"), brotli: bytes("packed"), type: "text/javascript", etag: "a.js" }
      : undefined,
};

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.close({ graceMs: 0 });
});

async function get(page: PageSource, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const gateway = createGateway({ ...createStage().deps, page, config: { host: "127.0.0.1", port: 0 } });
  listening = await gateway.listen();
  // Without `fetch`, which unpacks what it is sent.
  return gateway.fetch(
    new Request(`${listening.address}${path}`, { headers: { host: "localhost", ...headers } }),
  );
}

test("the page runs its own scripts alone, and is asked for anew each time", async () => {
  const page = await get(SOURCE, "/");

  expect([page.status, await page.text()]).toEqual([200, "<p>page</p>"]);
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(policy).toContain("frame-ancestors 'none'");
});

test("an unchanged page is not sent again", async () => {
  const again = await get(SOURCE, "/", { "if-none-match": 'W/"i1"' });
  expect([again.status, await again.text()]).toEqual([304, ""]);
});

test("its files are kept for ever and come compressed to whoever can read that", async () => {
  const packed = await get(SOURCE, "/assets/a.js", { "accept-encoding": "gzip, br" });
  expect([await packed.text(), packed.headers.get("content-encoding")]).toEqual(["packed", "br"]);
  expect(packed.headers.get("cache-control")).toContain("immutable");
  const plain = await get(SOURCE, "/assets/a.js", { "accept-encoding": "gzip" });
  expect([await plain.text(), plain.headers.get("content-encoding")]).toEqual(["plain", null]);
});

test("a page that is being built comes by itself, and one that could not be built says why", async () => {
  const building = await get({ ...SOURCE, index: async () => ({ absent: "building" }) }, "/");
  expect(building.headers.get("refresh")).toBe("2");
  expect(await building.text()).toContain("is being built");

  const reason = "vite <is> missing.";
  const failed = await get({ ...SOURCE, index: async () => ({ absent: "failed", reason }) }, "/");
  expect(failed.headers.get("refresh")).toBeNull();
  expect(await failed.text()).toContain("could not be built. Everything else works. vite &lt;is> missing.");
});
