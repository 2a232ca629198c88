import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeSignInLink } from "../kit/index.ts";
import { BROWSER_FOR_MS } from "./browsers.ts";
import { type OpenGateway, openGateway } from "./fixture-http.ts";
import type { Answered } from "./fixtures.ts";

let open: OpenGateway;
let origin: string;

beforeEach(async () => {
  open = await openGateway();
  origin = open.listening.address;
});
afterEach(() => open.close());

async function link(who: { readonly kind?: "operator" | "key"; readonly id?: string } = {}): Promise<string> {
  const { kind: principalKind = "operator", id: principalId = "operator" } = who;
  const { stores } = open.stage.deps;
  const { code, record } = makeSignInLink(open.stage.deps, {
    ...{ spaceId: "default", principalKind, principalId, name: "test" },
  });
  await stores.unit.commit([stores.signIns.put(record)], { signal: new AbortController().signal });
  return code;
}

function signIn(code: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  return fetch(`${origin}/api/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", origin, ...headers },
    body: JSON.stringify({ code }),
  });
}

async function cookieFor(code: string): Promise<string> {
  return (await signIn(code)).headers.get("set-cookie")?.split(";")[0] ?? "";
}

const ask = (path: string, headers: Readonly<Record<string, string>>, method = "GET"): Promise<Answered> =>
  fetch(`${origin}${path}`, { method, headers });

async function problem(answer: Promise<Answered>): Promise<unknown> {
  const response = await answer;
  return [response.status, (await response.json()).code];
}

describe("a link", () => {
  test("signs one browser in, by a cookie that no script reads and no other site sends", async () => {
    const answer = await signIn(await link());

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ principal: { kind: "operator", id: "operator" } });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^troupe_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=7776000$/);
    const me = await ask("/api/me", { cookie: cookie.split(";")[0] ?? "" });
    expect(await me.json()).toMatchObject({ principal: { id: "operator" }, browser: { name: "a browser" } });
  });

  test("works once, and tells so the second time", async () => {
    const code = await link();
    await signIn(code);
    expect(await problem(signIn(code))).toEqual([403, "link.used"]);
  });

  test("of two at the same time lets one in", async () => {
    const code = await link();
    const statuses = await Promise.all([signIn(code), signIn(code)]);
    expect(statuses.map(({ status }) => status).toSorted()).toEqual([200, 403]);
  });

  test("is not used up by whoever only looks at it", async () => {
    const code = await link();
    await ask(`/?start=${code}`, {});
    expect((await signIn(code)).status).toBe(200);
  });

  test("is told apart when it is late and when it never was", async () => {
    const { stores, clock } = open.stage.deps;
    const { code, record } = makeSignInLink(open.stage.deps, {
      ...{ spaceId: "default", principalKind: "operator", principalId: "operator", name: "test" },
    });
    const late = { ...record, codeUntil: clock.now() - 1 };
    await stores.unit.commit([stores.signIns.put(late)], { signal: new AbortController().signal });

    expect(await problem(signIn(code))).toEqual([403, "link.late"]);
    expect(await problem(signIn("0000-0000"))).toEqual([403, "link.unknown"]);
  });

  test("cannot be guessed: after twenty wrong codes in a minute an address has to wait", async () => {
    const codes = [];
    for (let i = 0; i < 22; i++) codes.push(((await problem(signIn("0000-0000"))) as unknown[])[1]);
    expect(codes.slice(0, 20)).toEqual(Array(20).fill("link.unknown"));
    expect(codes.at(-1)).toBe("rate.limited");
  });

  test("behind TLS gives a cookie that is sent over TLS alone", async () => {
    const answer = await signIn(await link(), { origin: origin.replace("http:", "https:") });
    expect(answer.headers.get("set-cookie")).toMatch(/; Secure$/);
  });

  test("is made by an operator, for itself or for a key", async () => {
    const operator = open.stage.addKey({ kind: "operator" });
    open.stage.addKey({ id: "mia" });
    const make = (key: string, body: unknown = {}): Promise<Answered> =>
      open.call("/api/links", { body, headers: { authorization: `Bearer ${key}` } });

    expect((await make(open.key)).status).toBe(403);
    expect((await make(operator, { key: "nobody" })).status).toBe(404);
    const made = await (await make(operator, { key: "mia" })).json();
    expect(made.url).toContain(`/?start=${made.code}`);
    const me = await ask("/api/me", { cookie: await cookieFor(made.code) });
    expect(await me.json()).toMatchObject({ principal: { kind: "key", id: "mia" } });
  });
});

describe("a browser that is signed in", () => {
  test.each([
    ["another page of this machine", { origin: "http://127.0.0.1:3000" }],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another port, as browsers tell it", { "sec-fetch-site": "same-site" }],
    ["a request without any origin", {}],
    ["a page without an address", { origin: "null" }],
  ])("is not obeyed for %s", async (_, headers) => {
    const cookie = await cookieFor(await link());
    const answer = await ask("/api/turns/x/cancel", { cookie, ...headers }, "POST");
    expect(answer.status).toBe(403);
  });

  test.each([
    ["its own page", "POST", { "sec-fetch-site": "same-origin" }, 404],
    ["its own page without fetch metadata", "POST", { origin: "own" }, 404],
    ["an address that the person opens", "GET", { "sec-fetch-site": "none" }, 404],
    ["a form of nobody", "POST", { "sec-fetch-site": "none" }, 403],
  ])("%s: %s", async (_, method, headers, status) => {
    const cookie = await cookieFor(await link());
    const own = { ...headers, ...("origin" in headers ? { origin } : {}) };
    const path = method === "POST" ? "/api/turns/x/cancel" : "/api/turns/x";
    expect((await ask(path, { cookie, ...own }, method)).status).toBe(status);
  });

  test("is signed out by itself or by the operator, else after ninety days", async () => {
    const operator = { authorization: `Bearer ${open.stage.addKey({ kind: "operator" })}` };
    const [first, second, third] = [
      await cookieFor(await link()),
      await cookieFor(await link()),
      await cookieFor(await link()),
    ];
    const statuses = (): Promise<number[]> =>
      Promise.all([first, second, third].map(async (cookie) => (await ask("/api/me", { cookie })).status));

    await ask("/api/sign-in", { cookie: first, origin }, "DELETE");
    expect(await statuses()).toEqual([401, 200, 200]);

    const { browsers } = await (await open.call("/api/keys", { headers: operator })).json();
    expect(browsers).toHaveLength(3);
    expect(JSON.stringify(browsers)).not.toContain("ash");
    await open.call(`/api/keys/${browsers[1].id}`, { method: "DELETE", headers: operator });
    expect(await statuses()).toEqual([401, 401, 200]);

    const { stores, clock } = open.stage.deps;
    const [, , kept] = await stores.signIns.list("default", { signal: new AbortController().signal });
    expect(kept?.until).toBeGreaterThan(clock.now() + BROWSER_FOR_MS - 60_000);
  });
});
