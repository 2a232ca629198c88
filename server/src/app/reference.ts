import type { ErrorCode } from "@troupe/contracts";
import { ERROR_STATUS } from "../gateway/index.ts";
import { jsonSchemas } from "./config/index.ts";
import { apiPage } from "./reference/api-page.ts";
import { configPage } from "./reference/config-page.ts";
import { metricsPage } from "./reference/metrics-page.ts";
import { MADE_BY, markdownTable, page } from "./reference/table.ts";

/** What each code means and what helps. Total, so that a new code does not compile without a row. */
const MEANINGS: Readonly<Record<ErrorCode, string>> = {
  "config.invalid": "Settings or agent files are not valid. `./troupe config check` names file and line.",
  "config.missing": "The home, a file of it or an agent is not there, or cannot be used.",
  "home.locked": "Another process uses this home.",
  "port.taken": "Another program listens on a configured port; the message names both.",
  not_ready: "Troupe starts, stops or cannot take work just now. Retry shortly.",
  "auth.required": "No key was sent.",
  "auth.invalid": "The key is unknown or revoked.",
  "auth.forbidden": "The key may not do this, or the request came from a place that is not served.",
  "link.unknown": "No link has this code, or it was revoked; `./troupe key link` makes one.",
  "link.used": "The link has signed a browser in before, and works once.",
  "link.late": "The link is older than ten minutes.",
  "request.invalid": "The request cannot be read; `field` names the part.",
  "request.too_large": "The body is longer than `limits.bodyBytes`.",
  "request.timeout": "The request did not arrive in time.",
  "request.not_found": "There is no such thing, or it belongs to somebody else.",
  "request.conflict": "An idempotency key was used before for another request, or the thing has changed.",
  "rate.limited":
    "This peer sends faster than `limits.ratePerMinute`, or too many wrong keys came from its address. `retry-after` says how long to wait.",
  "admission.full": "More turns wait than `limits.maxQueuedTurns`. Retry after the time given.",
  "budget.exceeded":
    "What one of the `budgets` allows for this day or month is used up; `retry-after` says when it opens again.",
  "store.conflict": "Somebody else changed this meanwhile; nothing of it was kept.",
  "store.duplicate": "This message is known already; nothing was kept twice.",
  "store.busy": "The store has more to do than it can take. Retry shortly.",
  "store.full": "The disk is full. Nothing more is accepted until there is room.",
  "store.readonly": "The store cannot be written.",
  "store.corrupt": "The database file is damaged. Restore a backup.",
  "store.version": "The database was written by a newer Troupe.",
  "store.closed": "Troupe is stopping.",
  "store.failed": "The store failed in a way that it has no name for; the log tells more.",
  "secret.locked":
    "The master key of the secrets is missing, wrong or open to others; the message says which, and what to do.",
  "secret.damaged": "A stored secret was changed or moved from outside. Set it anew.",
  "backup.invalid": "The file is no backup, or a damaged one, or one of a newer Troupe.",
  "turn.cancelled": "The turn was stopped on request.",
  "turn.deadline": "The turn took longer than its deadline.",
  "turn.attempts_exhausted": "The turn was tried too many times and was given up.",
  "turn.failed": "The turn failed; its record tells why.",
  "model.unknown": "No model is configured under this name.",
  "model.auth": "The provider refused our key.",
  "model.billing": "The provider's account has no credit left.",
  "model.rate_limited": "The provider asks for fewer requests.",
  "model.not_found": "The provider has no such model.",
  "model.context_exceeded": "The conversation is longer than the model can read.",
  "model.rejected": "The provider refused the request.",
  "model.timeout": "The model did not answer in time.",
  "model.unavailable": "The provider cannot be reached or failed.",
  "model.bad_response": "The provider's answer cannot be read.",
  "tool.unknown": "There is no such tool for this agent.",
  "tool.invalid_input": "The tool's input does not fit its schema.",
  "tool.failed": "The tool failed.",
  "tool.timeout": "The tool took too long.",
  "channel.rate_limited": "The chat platform asks for fewer messages.",
  "channel.rejected": "The chat platform refused the message for good.",
  "channel.unavailable": "The chat platform cannot be reached.",
  "bus.no_responder": "Nobody answered on the bus.",
  "bus.closed": "The bus is closed.",
  internal: "A defect of ours. The log tells more.",
};

/** Generated pages of the documentation, by path from the root. */
export async function referenceFiles(): Promise<Readonly<Record<string, string>>> {
  const { config, agent } = jsonSchemas();
  return {
    "docs/reference/config.schema.json": `${jsonText(config)}\n`,
    "docs/reference/agent.schema.json": `${jsonText(agent)}\n`,
    "docs/reference/config.md": configPage(config, agent),
    "docs/reference/errors.md": errorsPage(),
    "docs/reference/metrics.md": metricsPage(),
    "docs/reference/api.md": await apiPage(),
  };
}

function errorsPage(): string {
  const rows = Object.entries(MEANINGS).map(([code, meaning]) => [
    `\`${code}\``,
    String(ERROR_STATUS[code as ErrorCode]),
    meaning,
  ]);
  return page(
    "Error codes",
    `Every error answer carries one of these codes: as \`code\` of the problem details of \`/api\`, as \`error.code\` of the\nOpenAI-compatible routes, and in \`--json\` output of the command line. ${MADE_BY}`,
    markdownTable(["Code", "HTTP", "Meaning"], rows),
  );
}

const LINE_WIDTH = 110;

/**
 * JSON as the formatter of this repository writes it: a list of plain values on one line where it fits. `lead` characters
 * stand before it in its line, and a comma may follow.
 */
function jsonText(value: unknown, indent = "", lead = 0): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const flat = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    const isPlain = value.every((item) => typeof item !== "object");
    if (isPlain && indent.length + lead + flat.length < LINE_WIDTH) return flat;
    return `[\n${value.map((item) => inner + jsonText(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, item]) =>
      `${inner}${JSON.stringify(key)}: ${jsonText(item, inner, JSON.stringify(key).length + 2)}`,
  );
  return entries.length === 0 ? "{}" : `{\n${entries.join(",\n")}\n${indent}}`;
}
