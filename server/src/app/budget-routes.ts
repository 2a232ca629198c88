import { TroupeError } from "@troupe/contracts";
import type { AdminRoute } from "../gateway/index.ts";
import type { BudgetBook } from "./budget-book.ts";

/** Most that one grant allows: a slip of the keys is no blank cheque. */
const LARGEST_GRANT_USD = 10_000;

/** What budgets hold, and allowing more: the operator's. */
export function budgetRoutes({ budgetBook }: { readonly budgetBook: BudgetBook }): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/api/budgets",
      handle: async (request) => ({ items: await budgetBook.list(request.principal.spaceId, request) }),
    },
    {
      method: "POST",
      path: "/api/budgets/:name/allow",
      async handle(request) {
        const { usd, for: subject, per } = fieldsOf(await request.json());
        const microUsd = Math.round(usd * 1_000_000);
        const grant = { name: request.params.name ?? "", subject, per, microUsd };
        return budgetBook.allow(request.principal.spaceId, grant, request);
      },
    },
  ];
}

function fieldsOf(body: unknown): {
  readonly usd: number;
  readonly for: string | undefined;
  readonly per: "day" | "month" | undefined;
} {
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const { usd, for: subject, per } = fields;
  const isGood =
    typeof usd === "number" &&
    usd > 0 &&
    usd <= LARGEST_GRANT_USD &&
    (subject === undefined || typeof subject === "string") &&
    (per === undefined || per === "day" || per === "month");
  if (isGood) return { usd, for: subject, per };
  const message = `The body must be {"usd": …}, dollars above 0 and at most ${LARGEST_GRANT_USD}, with "for": an agent or peer and "per": "day" or "month" where the budget has several.`;
  throw new TroupeError(message, { code: "request.invalid" });
}
