import type { Stores } from "@troupe/contracts";
import { createLogRecorder, createManualClock, modelCall } from "@troupe/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { type BudgetBook, createBudgetBook } from "./budget-book.ts";
import { budgetRoutes } from "./budget-routes.ts";
import { type BudgetRule, budgetRulesOf } from "./budgets.ts";

const AT = Date.UTC(2026, 10, 20, 12);
const options = { signal: new AbortController().signal };
const RULES = budgetRulesOf({
  budget: {},
  budgets: {
    all: { per: "space", dailyUsd: 5, monthlyUsd: 50, atLimit: "refuse" },
    each: { per: "agent", dailyUsd: 1, atLimit: "cheaper", model: "small" },
    guests: { per: "peer", dailyUsd: 0.5, atLimit: "ask" },
    kate: { per: "peer", only: ["kate"], monthlyUsd: 2, atLimit: "ask" },
  },
});
let stores: Stores;
let close: () => Promise<void>;
let rules: readonly BudgetRule[];
let book: BudgetBook;

beforeEach(async () => {
  const clock = createManualClock(AT);
  const logger = createLogRecorder();
  const ids = createIdGenerator(clock);
  const store = openInlineStores({ memory: true, clock, ids, logger, metrics: createMetrics() });
  ({ stores } = store);
  close = () => store.close();
  rules = RULES;
  book = createBudgetBook({ stores, rules: () => rules, agentIds: () => ["ana", "max"], now: () => AT });
  const { ledger } = stores;
  await stores.unit.commit(
    [
      ledger.record(modelCall({ id: "a", costMicroUsd: 300_000, day: "2026-11-20", peerId: "olha" })),
      ledger.record(modelCall({ id: "b", costMicroUsd: 600_000, day: "2026-11-20", peerId: "ivan" })),
      ledger.record(modelCall({ id: "c", costMicroUsd: 100_000, day: "2026-11-02", peerId: "kate" })),
    ],
    options,
  );
});
afterEach(() => close());

test("lists every account that a budget limits: agents all, peers that have spent, the dearest first", async () => {
  const lines = await book.list("default", options);

  expect(
    lines.map(({ name, subject, period, spentMicroUsd }) => [name, subject, period, spentMicroUsd]),
  ).toEqual([
    ["all", "", "2026-11-20", 900_000],
    ["all", "", "2026-11", 1_000_000],
    ["each", "ana", "2026-11-20", 900_000],
    ["each", "max", "2026-11-20", 0],
    ["guests", "ivan", "2026-11-20", 600_000],
    ["guests", "olha", "2026-11-20", 300_000],
    ["kate", "kate", "2026-11", 100_000],
  ]);
  expect(lines[0]).toMatchObject({ limitMicroUsd: 5_000_000, resetsAt: Date.UTC(2026, 10, 21) });
  expect(lines[2]).toMatchObject({ atLimit: "cheaper", model: "small" });
});

test("allows more in the present period of one account, and tells what it holds then", async () => {
  const grant = { microUsd: 250_000, per: undefined };

  const guest = await book.allow("default", { ...grant, name: "guests", subject: "ivan" }, options);
  const only = await book.allow("default", { ...grant, name: "kate", subject: undefined }, options);
  const month = await book.allow(
    "default",
    { ...grant, name: "all", subject: undefined, per: "month" },
    options,
  );

  expect(guest).toMatchObject({ subject: "ivan", period: "2026-11-20", grantedMicroUsd: 250_000 });
  expect(only).toMatchObject({ subject: "kate", period: "2026-11", grantedMicroUsd: 250_000 });
  expect(month).toMatchObject({ subject: "", period: "2026-11", grantedMicroUsd: 250_000 });
});

test.each([
  [{ name: "al" }, "request.not_found", 'There is no budget "al". Did you mean "all"? Known: all, each'],
  [{ name: "all", subject: "ana" }, "request.invalid", "is of the whole space"],
  [{ name: "each" }, "request.invalid", "is of each agent; say whose, with --for."],
  [{ name: "kate", subject: "olha" }, "request.invalid", 'does not concern "olha". It is of kate.'],
  [{ name: "each", subject: "ana", per: "month" as const }, "request.invalid", "has no limit for a month."],
])("a grant to nobody's account says what is wrong: %j", async (grant, code, message) => {
  const whole = { subject: undefined, per: undefined, microUsd: 1, ...grant };

  await expect(book.allow("default", whole, options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("over HTTP a grant is an amount of dollars, and nothing else is taken for one", async () => {
  const [, allow] = budgetRoutes({ budgetBook: book });
  const request = (body: unknown) => ({
    ...{ params: { name: "guests" }, query: new URLSearchParams(), ...options },
    principal: { spaceId: "default", kind: "operator", id: "o" } as const,
    json: async () => body,
  });

  expect(await allow?.handle(request({ usd: 0.25, for: "ivan" }))).toMatchObject({
    grantedMicroUsd: 250_000,
  });
  for (const body of [
    undefined,
    {},
    { usd: 0 },
    { usd: -1 },
    { usd: "5" },
    { usd: 1e9 },
    { usd: 1, per: "year" },
  ])
    await expect(allow?.handle(request(body))).rejects.toMatchObject({ code: "request.invalid" });
});
