import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DeadLetter, EffectHandler, Module, Page } from "@troupe/contracts";
import { createFakePlatform } from "@troupe/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DeadLetterReport } from "../../server/src/app/dead-letter-changes.ts";
import { systemClock } from "../../server/src/kit/index.ts";
import { inboundOf } from "../turns/stage.ts";
import { type ServedHome, serveHome } from "./served-home.ts";

/** What an operator does about what was given up, by the real command line on a running Troupe. */

const MAIN = fileURLToPath(new URL("../../server/src/cli/main.ts", import.meta.url));
const { signal } = new AbortController();
const WITHIN = { timeout: 30_000 };

const platform = createFakePlatform({ clock: systemClock() });
/** What the handler of "note.save" does. */
let isNoteBroken = true;
const saved: unknown[] = [];
const saveNote: EffectHandler = {
  kind: "note.save",
  versions: [1],
  retry: { maxAttempts: 1 },
  async handle({ payload }) {
    if (isNoteBroken) throw new Error("The notebook is shut. Its key is sk-verysecretvalue.");
    saved.push(payload);
    return [];
  },
};
const notebook: Module = {
  id: "notebook",
  budgetTokens: 0,
  effects: [saveNote],
  hooks: [
    {
      point: "turn_end",
      run: ({ reply }) => ({
        effects: [
          {
            ...{ kind: "note.save", v: 1 },
            payload: { reply, apiKey: "abc123", deep: { text: "use sk-verysecretvalue" } },
          },
        ],
      }),
    },
  ],
};

let home: ServedHome;

beforeAll(async () => {
  const channels = [platform.keyed("pager"), platform.blind("sms")];
  home = await serveHome("", {}, { channels, modules: [notebook] });
}, 60_000);
afterAll(() => home[Symbol.asyncDispose]());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function troupe(...words: readonly string[]): Promise<Ended> {
  const env = { ...process.env, XDG_RUNTIME_DIR: home.path, TROUPE_HOME: home.path, NO_COLOR: "1" };
  const child = spawn(process.execPath, [MAIN, ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

async function json<Value>(...words: readonly string[]): Promise<Value> {
  const { code, out, err } = await troupe(...words, "--json");
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${out}${err}`);
  return JSON.parse(out) as Value;
}

const list = async (...words: readonly string[]) =>
  (await json<Page<DeadLetter>>("dlq", "list", ...words)).items;

/** A turn whose reply goes to a channel; resolves once it was given up. */
async function giveUp(channel: "pager" | "sms", target: string): Promise<DeadLetter> {
  platform.meet(channel === "pager" ? { kind: "rejected" } : { kind: "unavailable", arrives: true });
  home.model.enqueue({ text: `An answer for ${target}.` });
  const accepted = await home.serving.troupe.inbox.accept(
    { ...inboundOf("Go on", Date.now()), sessionKey: target, replyTo: { channel, target } },
    { spaceId: "default", kind: "key", id: "kate" },
    { signal },
  );
  expect(accepted.kind).toBe("accepted");
  const { stores } = home.serving.troupe;
  const find = async () =>
    (
      await stores.deadLetters.list({ spaceId: "default", kind: `delivery.${channel}` }, { signal })
    ).items.find(({ to }) => to === target);
  return await vi.waitFor(async () => {
    const found = await find();
    if (found === undefined) throw new Error("not given up yet");
    return found;
  }, WITHIN);
}

const metricsPage = async () => (await fetch(`${home.serving.addresses?.metrics}/metrics`)).text();

test("a reply that a platform refuses is listed, told in the inbox, shown, replayed and gone", async () => {
  const { id } = await giveUp("pager", "chat-7");

  const text = await troupe("dlq", "list", "--kind", "delivery");
  expect(text.out).toMatch(new RegExp(`^${id} .* ago +given up +delivery\\.pager +to chat-7 +`));
  await vi.waitFor(async () => {
    const { items } = await json<Page<{ readonly title: string }>>("inbox", "list");
    expect(items.map(({ title }) => title)).toContain("A reply could not be delivered to chat-7 on pager");
  }, WITHIN);
  await vi.waitFor(async () => {
    expect(await metricsPage()).toContain('troupe_dead_letters{kind="delivery.pager"} 1\n');
  }, WITHIN);
  const shown = await troupe("dlq", "show", id);
  expect(shown.out).toContain('"text": "An answer for chat-7."');
  expect(shown.out).toContain(`./troupe dlq replay ${id} sends it again.`);
  expect((await troupe("status")).out).toContain("1 delivery.pager");

  const replayed = await troupe("dlq", "replay", id);

  expect([replayed.code, replayed.out]).toEqual([0, "Replayed: 1 delivery.pager.\n"]);
  await vi.waitFor(() => expect(platform.arrived.map(({ target }) => target)).toContain("chat-7"), WITHIN);
  expect(await list("--kind", "delivery.pager")).toEqual([]);
  const again = await troupe("dlq", "replay", id);
  expect([again.code, again.out]).toEqual([1, `Nothing was replayed.\nNo dead letter (any more): ${id}.\n`]);
  await vi.waitFor(async () => {
    expect(await metricsPage()).not.toContain('troupe_dead_letters{kind="delivery.pager"}');
  }, WITHIN);
}, 120_000);

test("an effect is shown without secrets, and replayed by its kind after a question that names the count", async () => {
  const notes = await vi.waitFor(async () => {
    const found = await list("--kind", "note.save", "--since", "1h");
    expect(found.length).toBeGreaterThan(0);
    return found;
  }, WITHIN);
  const { out } = await troupe("dlq", "show", notes[0]?.id ?? "");
  expect(out).toContain('"apiKey": "[redacted]"');
  expect(out).toContain("use [redacted]");
  expect(out).toContain("The notebook is shut. Its key is [redacted].");
  expect(out).not.toContain("verysecret");
  const count = notes.length;

  const dry = await json<DeadLetterReport>("dlq", "replay", "--kind", "note.save", "--dry-run");
  const unasked = await troupe("dlq", "replay", "--kind", "note.save");
  isNoteBroken = false;
  const done = await troupe("dlq", "replay", "--kind", "note.save", "--yes");

  expect(dry).toMatchObject({ isDry: true, changed: count, byKind: { "note.save": count } });
  expect(unasked.code).toBe(2);
  expect(unasked.err).toContain(`Replay ${count} dead letter`);
  expect(done.out).toBe(`Replayed: ${count} note.save.\n`);
  await vi.waitFor(() => expect(saved).toHaveLength(count), WITHIN);
  expect(await list("--kind", "effect")).toEqual([]);
}, 120_000);

test("what may have arrived is sent again only where that is said, and says that it may arrive twice", async () => {
  const { id } = await giveUp("sms", "+380");

  const refused = await troupe("dlq", "replay", id);
  const before = platform.arrived.filter(({ target }) => target === "+380").length;
  const sent = await json<DeadLetterReport>("dlq", "replay", id, "--even-unknown");

  expect([refused.code, refused.out]).toEqual([
    1,
    "Nothing was replayed.\n1 reply may have arrived: --even-unknown sends it again, and it may then arrive twice.\n",
  ]);
  expect(sent).toMatchObject({ changed: 1, left: { unknown: 0 } });
  await vi.waitFor(() => {
    expect(platform.arrived.filter(({ target }) => target === "+380")).toHaveLength(before + 1);
  }, WITHIN);
}, 120_000);

test("purging forgets what is named, and nothing where nothing is named", async () => {
  const { id } = await giveUp("pager", "chat-8");
  const misuse = [
    await troupe("dlq", "purge"),
    await troupe("dlq", "purge", id, "--kind", "turn"),
    await troupe("dlq", "list", "--state", "gone"),
    await troupe("dlq", "list", "--since", "yesterday"),
  ];
  expect(misuse.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  expect(misuse.map(({ err }) => err)).toEqual([
    expect.stringContaining("Say what to purge: ids"),
    expect.stringContaining("Name ids, or a filter, and not both"),
    expect.stringContaining('There is no state "gone". Name one of: dead, parked, unknown.'),
    expect.stringContaining('--since "yesterday" is no time.'),
  ]);

  const before = await troupe("dlq", "purge", "--until", "1d", "--yes");
  const purged = await troupe("dlq", "purge", "--kind", "delivery.pager", "--yes");

  expect(before.out).toBe("Nothing was given up that this names.\n");
  expect(purged.out).toBe("Purged: 1 delivery.pager.\n");
  expect((await troupe("dlq", "show", id)).err).toContain(`There is no dead letter "${id}" (any more).`);
}, 120_000);

test("the list goes on page by page, and its routes are the operator's alone", async () => {
  for (const n of [1, 2, 3]) await giveUp("pager", `page-${n}`);
  const first = await json<Page<DeadLetter>>("dlq", "list", "--limit", "2");
  const rest = await list("--limit", "2", "--cursor", first.next ?? "");
  expect([...first.items, ...rest].map(({ to }) => to)).toEqual(["page-3", "page-2", "page-1"]);

  const made = await fetch(`${home.address}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${home.key}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "kate" }),
  });
  const { key } = (await made.json()) as { readonly key: string };
  const admin = home.serving.addresses?.admin ?? "";
  const asked = await fetch(`${admin}/admin/dlq`, { headers: { authorization: `Bearer ${key}` } });
  const mine = await fetch(`${admin}/admin/dlq?agent=ben`, {
    headers: { authorization: `Bearer ${home.key}` },
  });
  expect([asked.status, mine.status, await mine.json()]).toEqual([403, 200, { items: [] }]);
}, 120_000);
