import { INBOX_CHANNEL } from "@troupe/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { inboundOf } from "../turns/stage.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

/** People's inboxes through the real ports: an answer that goes there, read, unread, removed, and nobody else's. */

const { signal } = new AbortController();
const WITHIN = { timeout: 30_000 };

let home: ServedHome;
let keys: Readonly<Record<"kate" | "petro", { readonly id: string; readonly key: string }>>;

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects.
  readonly body: any;
}

async function call(method: string, path: string, key: string, body?: unknown): Promise<Answered> {
  const response = await fetch(`${home.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** A turn that nobody waits for, as a job begins it; its reply goes to somebody's inbox. */
async function askFor(id: string, text: string, sessionKey: string): Promise<void> {
  home.model.enqueue({ text });
  const { inbox } = home.serving.troupe;
  const accepted = await inbox.accept(
    {
      ...inboundOf("Go on", Date.now()),
      ...{ sessionKey, peerId: id, audience: [id], replyTo: { channel: INBOX_CHANNEL, target: id } },
    },
    { spaceId: "default", kind: "key", id },
    { signal },
  );
  expect(accepted.kind).toBe("accepted");
}

beforeAll(async () => {
  home = await serveHome();
  const made = await Promise.all(
    ["kate", "petro"].map(async (name) => (await call("POST", "/api/keys", home.key, { name })).body),
  );
  keys = { kate: made[0], petro: made[1] };
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

test("an answer for the inbox is there, unread, is told over the WebSocket, and is nobody else's", async () => {
  const { kate, petro } = keys;
  const socket = new WebSocket(`${home.address.replace("http", "ws")}/ws`, {
    headers: { authorization: `Bearer ${kate.key}` },
  });
  const frames: string[] = [];
  socket.on("message", (data) => frames.push(JSON.parse(String(data)).type));
  socket.on("open", () => socket.send(JSON.stringify({ type: "listen", id: "l" })));
  await vi.waitFor(() => expect(frames).toContain("listening"), WITHIN);

  await askFor(kate.id, "# The report\n\nAll is **well**.", "report");
  await vi.waitFor(async () => {
    expect((await call("GET", "/api/inbox", kate.key)).body.unread).toBe(1);
  }, WITHIN);
  await vi.waitFor(() => expect(frames).toContain("inbox"), WITHIN);
  socket.close();

  const { body } = await call("GET", "/api/inbox?unread=true", kate.key);
  const [item] = body.items;
  expect(item).toMatchObject({ kind: "reply", agentId: "ana", ownerId: kate.id });
  expect(item.excerpt).toContain("The report");
  expect(item).not.toHaveProperty("text");
  const whole = await call("GET", `/api/inbox/${item.id}`, kate.key);
  expect(whole.body.text).toBe("# The report\n\nAll is **well**.");
  expect((await call("GET", `/api/sessions/${whole.body.sessionId}`, kate.key)).status).toBe(200);
  expect((await call("GET", "/api/me", kate.key)).body.unread).toBe(1);

  expect((await call("GET", "/api/inbox", petro.key)).body).toEqual({ items: [], unread: 0 });
  // An operator may look into conversations, and not into what somebody has read.
  expect((await call("GET", "/api/inbox", home.key)).body.items).toEqual([]);
  for (const [method, end] of [
    ["GET", ""],
    ["POST", "/read"],
    ["POST", "/unread"],
    ["DELETE", ""],
  ] as const) {
    const refused = await call(method, `/api/inbox/${item.id}${end}`, petro.key);
    expect([method, refused.status, refused.body.code]).toEqual([method, 404, "request.not_found"]);
  }
});

test("items are marked as read and unread, one or all, and removed", async () => {
  const { petro } = keys;
  for (const n of [1, 2, 3]) await askFor(petro.id, `Answer ${n}`, `s${n}`);
  const list = async (query = "") => (await call("GET", `/api/inbox${query}`, petro.key)).body;
  await vi.waitFor(async () => expect((await list()).unread).toBe(3), WITHIN);
  const [first, second] = (await list()).items;

  const read = await call("POST", `/api/inbox/${first.id}/read`, petro.key);
  expect(read.body.readAt).toBeTypeOf("number");
  expect((await call("POST", `/api/inbox/${first.id}/read`, petro.key)).body.readAt).toBe(read.body.readAt);
  expect((await list("?unread=true")).items).toHaveLength(2);
  const unread = await call("POST", `/api/inbox/${first.id}/unread`, petro.key);
  expect(unread.body).not.toHaveProperty("readAt");
  const page = await list("?limit=2");
  expect(page.items).toHaveLength(2);
  expect((await list(`?limit=2&cursor=${page.next}`)).items).toHaveLength(1);

  expect((await call("POST", "/api/inbox/read", petro.key)).body).toEqual({ read: 3 });
  expect((await list()).unread).toBe(0);
  expect((await call("DELETE", `/api/inbox/${second.id}`, petro.key)).body).toMatchObject({ deleted: true });
  expect((await call("DELETE", `/api/inbox/${second.id}`, petro.key)).status).toBe(404);
  expect((await list()).items).toHaveLength(2);
});

test("what Troupe has to tell operators is read by each of them, and by no key", async () => {
  const { notices } = home.serving.troupe;
  notices.post({ ownerId: "operator", title: "A budget is used up", text: "Allow more.", key: "b" });

  await vi.waitFor(async () => {
    const { body } = await call("GET", "/api/inbox", home.key);
    expect(body.items).toMatchObject([{ kind: "notice", title: "A budget is used up" }]);
  }, WITHIN);
  const { items } = (await call("GET", "/api/inbox", keys.kate.key)).body;
  expect(items.map(({ kind }: { readonly kind: string }) => kind)).not.toContain("notice");
});

test("/inbox in chat tells what this agent left unread there, without a model", async () => {
  const { kate } = keys;
  const body = { text: "/inbox", session: "chat" };
  const mine = await call("POST", "/api/agents/ana/messages", kate.key, body);
  const others = await call("POST", "/api/agents/ben/messages", kate.key, { ...body, text: "/скринька" });

  expect(mine.body.text).toContain("1. ");
  expect(others.body.text).not.toContain("1. ");
});
