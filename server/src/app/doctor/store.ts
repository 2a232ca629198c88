import { resolve } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { inspectSqlite, type StoreInspection } from "../../store/index.ts";
import { type Config, displayPath } from "../config/index.ts";
import type { Finding } from "./finding.ts";

const SQLITE = "sqlite:";
/** The index follows within a second; so many may wait in a busy moment. */
const FEW_UNINDEXED = 500;

/** Reads the database as it is, beside a running Troupe too, and changes nothing. */
export function checkStore(config: Config): readonly Finding[] {
  if (!config.store.url.startsWith(SQLITE)) return [];
  const path = resolve(config.home, config.store.url.slice(SQLITE.length));
  const base = { name: "Store", how: `quick check of ${displayPath(path)}` };
  try {
    const found = inspectSqlite(path);
    if (found === undefined)
      return [{ ...base, verdict: "good", what: "not there yet; the first start makes it" }];
    if (found.problems.length > 0) return [damaged(base, found)];
    const size = `${(found.bytes / 1e6).toFixed(1)} MB`;
    return [
      { ...base, verdict: "good", what: `whole, ${size}, tables of version ${found.version}` },
      checkIndex(found),
    ];
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const isNewer = TroupeError.is(error, "store.version");
    const remedy = isNewer ? "Install the newer Troupe again." : "Restore a backup, or check the disk.";
    return [{ ...base, verdict: "bad", what: what.replace(/\.$/, ""), remedy }];
  }
}

function damaged(base: Pick<Finding, "name" | "how">, { problems }: StoreInspection): Finding {
  return {
    ...base,
    verdict: "bad",
    what: `damaged: ${problems[0]}${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}`,
    remedy:
      "Stop Troupe, keep a copy of the file, and restore the last backup. A damaged file mostly means a failing disk.",
  };
}

function checkIndex({ unindexed }: StoreInspection): Finding {
  const base = { name: "Search index", how: "compared it with the newest message" };
  if (unindexed <= FEW_UNINDEXED) {
    const what = unindexed === 0 ? "holds every message" : `${unindexed} messages behind, as it may be`;
    return { ...base, verdict: "good", what };
  }
  return {
    ...base,
    verdict: "warning",
    what: `${unindexed.toLocaleString("en-US")} messages behind, so recall does not find them yet`,
    remedy: "A running Troupe catches up by itself; ./troupe doctor --fix does it now.",
  };
}

/** Name of the finding that indexing now would mend. */
export const INDEX_FINDING = "Search index";
