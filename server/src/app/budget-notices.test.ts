import type { AppliedBudget, NewNotice } from "@troupe/contracts";
import { expect, test } from "vitest";
import { budgetNotices } from "./budget-notices.ts";

const budget: AppliedBudget = {
  ...{ name: "guests", spaceId: "default", scope: "peer", subject: "kate", period: "2026-11" },
  ...{ atLimit: "ask", limitMicroUsd: 2_000_000, resetsAt: 1 },
};

test("operators are told once whose budget is used up and how to allow more, and again after what was allowed", () => {
  const posted: NewNotice[] = [];
  const told = budgetNotices({ post: (notice) => void posted.push(notice) });

  told({ budget, grantedMicroUsd: 0 });
  told({ budget, grantedMicroUsd: 0 });
  told({ budget, grantedMicroUsd: 1_000_000 });
  told({ budget: { ...budget, scope: "space", subject: "", period: "2026-11-30" }, grantedMicroUsd: 0 });

  const [first, second, third, whole] = posted;
  expect(first?.ownerId).toBe("operator");
  expect(first?.title).toContain("guests of the peer kate");
  expect(first?.text).toContain("$2.00 for 2026-11");
  expect(first?.text).toContain('./troupe budget allow guests 1.00 --for "kate" --per month');
  expect(second?.key).toBe(first?.key);
  expect(third?.key).not.toBe(first?.key);
  expect(third?.text).toContain("$3.00");
  expect(whole?.text).toContain("./troupe budget allow guests 1.00 --per day\n");
});
