import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServedHome, serveHome } from "./served-home.ts";

/** Jobs over HTTP: made, changed, run, ended; each person's own and nobody else's. */

const WITHIN = { timeout: 30_000 };

let home: ServedHome;
let keys: Readonly<Record<"kate" | "petro", { readonly id: string; readonly key: string }>>;

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects.
  readonly body: any;
}

async function call(
  method: string,
  path: string,
  key: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const response = await fetch(`${home.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

beforeAll(async () => {
  home = await serveHome("timeZone: Europe/Kyiv\njobs: { maxPerOwner: 8 }\n");
  const made = await Promise.all(
    ["kate", "petro"].map(async (name) => (await call("POST", "/api/keys", home.key, { name })).body),
  );
  keys = { kate: made[0], petro: made[1] };
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

test("a job that is due answers into the inbox of whoever made it, and its runs name their turns", async () => {
  const { kate, petro } = keys;
  const asked = { agentId: "ana", title: "Look around", text: "Tell me what is new.", inSeconds: 1 };
  const made = await call("POST", "/api/jobs", kate.key, asked, { "idempotency-key": "one" });

  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    ownerId: kate.id,
    state: "pending",
    next: { zone: "Europe/Kyiv" },
    spec: { kind: "one_off", deliverTo: "inbox", missed: "one" },
  });
  const again = await call("POST", "/api/jobs", kate.key, asked, { "idempotency-key": "one" });
  expect([again.status, again.body.id]).toEqual([200, made.body.id]);

  const path = `/api/jobs/${made.body.id}`;
  await vi.waitFor(
    async () => expect((await call("GET", path, kate.key)).body.state).toBe("completed"),
    WITHIN,
  );
  const { items } = (await call("GET", `${path}/runs`, kate.key)).body;
  expect(items).toMatchObject([{ id: `${made.body.id}.1`, state: "succeeded" }]);
  expect((await call("GET", `/api/turns/${items[0].turnId}`, kate.key)).body.turn.trigger).toBe("job");
  await vi.waitFor(async () => {
    const inbox = (await call("GET", "/api/inbox", kate.key)).body;
    expect(inbox.items).toMatchObject([{ kind: "reply", agentId: "ana", turnId: items[0].turnId }]);
  }, WITHIN);

  for (const [method, end] of [
    ["GET", ""],
    ["PATCH", ""],
    ["GET", "/runs"],
    ["POST", "/pause"],
    ["POST", "/cancel"],
  ] as const) {
    const refused = await call(method, `${path}${end}`, petro.key, method === "GET" ? undefined : {});
    expect([method, end, refused.status, refused.body.code]).toEqual([method, end, 404, "request.not_found"]);
  }
});

test("a reminder goes into the conversation that it names, and only the owner's own can be named", async () => {
  const { kate, petro } = keys;
  const said = await call("POST", "/api/agents/ben/messages", kate.key, { text: "hello", session: "s" });
  const { sessionId } = said.body;
  const reminder = { sessionId, text: "drink water", isReminder: true, inSeconds: 1 };
  const made = await call("POST", "/api/jobs", kate.key, reminder);
  expect(made.body).toMatchObject({ agentId: "ben", spec: { deliverTo: "session" }, origin: { sessionId } });
  await vi.waitFor(async () => {
    const { items } = (await call("GET", `/api/sessions/${sessionId}/messages`, kate.key)).body;
    expect(items.at(-1).parts).toEqual([{ type: "text", text: "Reminder: drink water" }]);
  }, WITHIN);

  expect((await call("POST", "/api/jobs", petro.key, reminder)).status).toBe(404);
  const foreign = await call("POST", "/api/jobs", home.key, reminder);
  expect([foreign.status, foreign.body.code]).toEqual([403, "auth.forbidden"]);
});

test("jobs are listed page by page, paused, resumed, changed, run now and cancelled", async () => {
  const { petro } = keys;
  const ids: string[] = [];
  for (const [title, rest] of [
    ["Water the plants", { everyMinutes: 60 }],
    ["Write the summary", { cron: "0 8 * * 1-5", zone: "America/New_York" }],
    ["Ask about parcels", { everyMinutes: 120, maxRuns: 3, until: 'it says "arrived"' }],
  ] as const) {
    const made = await call("POST", "/api/jobs", petro.key, { agentId: "ana", title, text: title, ...rest });
    expect(made.status).toBe(201);
    ids.push(made.body.id);
  }
  const [plants = "", summary = "", parcels = ""] = ids;
  const page = (await call("GET", "/api/jobs?limit=2", petro.key)).body;
  expect(page.items.map(({ id }: { readonly id: string }) => id)).toEqual([parcels, summary]);
  const rest = (await call("GET", `/api/jobs?limit=2&cursor=${page.next}`, petro.key)).body;
  expect(rest.items.map(({ id }: { readonly id: string }) => id)).toEqual([plants]);
  expect(page.items[0].spec.kind).toBe("ongoing");
  expect(page.items[1].next.local).toMatch(/T08:00:00$/);

  const act = async (id: string, action: string) =>
    (await call("POST", `/api/jobs/${id}/${action}`, petro.key)).body;
  expect((await act(plants, "pause")).state).toBe("paused");
  expect(await act(plants, "pause")).toMatchObject({ code: "request.conflict", status: 409 });
  expect((await act(plants, "resume")).state).toBe("active");
  const changed = await call("PATCH", `/api/jobs/${plants}`, petro.key, {
    title: "Water them",
    everyMinutes: 30,
  });
  expect(changed.body.spec).toMatchObject({ title: "Water them", schedule: { everyMs: 1_800_000 } });
  expect((await act(plants, "run")).state).toMatch(/active|running/);
  await vi.waitFor(
    async () => expect((await call("GET", `/api/jobs/${plants}`, petro.key)).body.runs).toBe(1),
    WITHIN,
  );
  expect((await act(parcels, "cancel")).state).toBe("cancelled");
  const open = (await call("GET", "/api/jobs", petro.key)).body.items;
  const all = (await call("GET", "/api/jobs?all=true", petro.key)).body.items;
  expect([open.length, all.length]).toEqual([2, 3]);
  // An operator sees everybody's, and with mine=true only its own.
  expect((await call("GET", "/api/jobs?all=true", home.key)).body.items.length).toBeGreaterThanOrEqual(5);
  expect((await call("GET", "/api/jobs?mine=true", home.key)).body.items).toEqual([]);
});

test("what cannot be kept is refused in one sentence that names the field or the reason", async () => {
  const { kate, petro } = keys;
  const refusal = async (body: object, key = kate.key) => {
    const { status, body: problem } = await call("POST", "/api/jobs", key, body);
    return [status, problem.field ?? problem.code, problem.detail];
  };
  const good = { agentId: "ana", text: "Look.", everyMinutes: 10 };
  const [ofPetro] = (await call("GET", "/api/jobs", petro.key)).body.items;

  expect(await refusal({ text: "Look.", inSeconds: 5 })).toEqual([400, "agentId", expect.any(String)]);
  expect(await refusal({ ...good, agentId: "nobody" })).toEqual([
    404,
    "request.not_found",
    expect.any(String),
  ]);
  expect(await refusal({ ...good, evry: 5 })).toEqual([400, "evry", expect.stringContaining("Known: ")]);
  expect(await refusal({ ...good, everyMinutes: "10" })).toEqual([400, "everyMinutes", expect.any(String)]);
  expect(await refusal({ ...good, missed: "two" })).toEqual([400, "missed", expect.any(String)]);
  expect(await refusal({ agentId: "ana", text: "Look." })).toEqual([
    400,
    "request.invalid",
    "Say when: a time, a cron pattern or an interval.",
  ]);
  expect(await refusal({ ...good, cron: "0 8 * * *" })).toEqual([400, "request.invalid", expect.any(String)]);
  expect(await refusal({ ...good, zone: "Mars/Base" })).toEqual([
    400,
    "request.invalid",
    '"Mars/Base" is no time zone. Use an IANA name such as Europe/Kyiv.',
  ]);
  expect(await refusal({ ...good, dependsOn: [ofPetro.id] })).toEqual([
    404,
    "request.not_found",
    `There is no job ${ofPetro.id} to wait for.`,
  ]);
  const elsewhere = { channel: "telegram", target: "204" };
  expect(await refusal({ ...good, deliverTo: elsewhere })).toEqual([
    403,
    "auth.forbidden",
    expect.any(String),
  ]);
  expect(await refusal({ ...good, deliverTo: elsewhere }, home.key)).toEqual([
    400,
    "request.invalid",
    'There is no channel "telegram" to send the answer to.',
  ]);
  for (let n = 0; n < 8; n++)
    await call("POST", "/api/jobs", kate.key, { ...good, title: `Number ${n}`, allowSimilar: true });
  expect(await refusal({ ...good, title: "One more", allowSimilar: true })).toEqual([
    400,
    "request.invalid",
    expect.stringContaining("no more than 8"),
  ]);
});
