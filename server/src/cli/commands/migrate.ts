import { loadMigrate, type MigrateReport, type MoveReport } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";

interface Options {
  readonly to?: string;
  readonly dryRun?: boolean;
}

/** Brings the database up to date, or moves the home to another one. */
export async function migrate({ environment, output }: CommandContext, options: Options): Promise<void> {
  const { migrateHome, moveHome } = await loadMigrate();
  const { to, dryRun: isDry = false } = options;
  if (to === undefined) {
    const report = await migrateHome(environment, { isDry });
    output.result(report, () => migrated(report));
    return;
  }
  const report = await moveHome(environment, { to, isDry, onTable: () => undefined });
  output.result(report, () => moved(report));
}

function migrated({ database, pending, applied, isDry }: MigrateReport): string {
  if (pending.length === 0)
    return `The database ${database} is up to date (${applied.length} steps, the last ${applied.at(-1)}).`;
  const first = isDry
    ? `The database ${database} lacks:`
    : `The database ${database} was brought up to date:`;
  const last = isDry ? "Nothing was changed. ./troupe migrate applies them; the next start would too." : "";
  return [first, ...pending.map((name) => `  ${name}`), last].join("\n").trimEnd();
}

function moved({ from, tables, isDry, isSettingChanged }: MoveReport): string {
  const width = Math.max(...tables.map(({ name }) => name.length));
  const rows = tables.map(
    (table) => `  ${table.name.padEnd(width)}  ${String(table.rows).padStart(9)} rows  ${table.checksum}`,
  );
  const total = tables.reduce((sum, table) => sum + table.rows, 0);
  if (isDry) return [`${from} holds ${total} rows:`, ...rows, "Nothing was moved."].join("\n");
  const next = isSettingChanged
    ? "troupe.yaml names the new database now. ./troupe up goes on there."
    : "store.url in troupe.yaml holds a placeholder: let it give the new address, then ./troupe up goes on there.";
  return [
    `${total} rows were moved, and read back as they were sent:`,
    ...rows,
    next,
    `${from} is as it was; keep it until you trust the new one. The search index is built at the next start.`,
  ].join("\n");
}
