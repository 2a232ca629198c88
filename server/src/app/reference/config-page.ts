import { LIVE_SETTINGS } from "../reload.ts";
import { MADE_BY, markdownTable, page } from "./table.ts";

/** The parts of JSON Schema that our schemas use. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

export function configPage(config: unknown, agent: unknown): string {
  const head = ["Setting", "Value", "Default", "Meaning"];
  const settings = rowsOf(config as Schema, "").map(([path = "", ...cells]) => [
    `\`${path}\`${isLive(path) ? "" : " ↻"}`,
    ...cells,
  ]);
  const blueprint = rowsOf(agent as Schema, "").map(([path = "", ...cells]) => [`\`${path}\``, ...cells]);
  return page(
    "Settings",
    `Every setting of \`troupe.yaml\` and of \`agents/ID.yaml\`. All of them may be left out but \`version\`, and an agent's \`id\`,\n\`name\` and \`instructions\`. A running Troupe takes changes over by itself; those marked ↻ take a restart. \`NAME\` stands for\na name that you choose. ${MADE_BY}`,
    "## troupe.yaml",
    markdownTable(head, settings),
    "## agents/ID.yaml",
    "A changed agent is in force for the next message; a turn that runs keeps the one it began with.",
    markdownTable(head, blueprint),
  );
}

function isLive(path: string): boolean {
  return LIVE_SETTINGS.some((live) => path === live || path.startsWith(`${live}.`));
}

function rowsOf(schema: Schema, path: string): readonly string[][] {
  const below = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const { properties, additionalProperties } = schema;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([name, one]) => rowsOf(one, below(name)));
  }
  if (typeof additionalProperties === "object" && additionalProperties.properties !== undefined) {
    return [rowOf(schema, path, "map"), ...rowsOf(additionalProperties, below("NAME"))];
  }
  if (typeof additionalProperties === "object")
    return [rowOf(schema, path, `map of ${typeOf(additionalProperties)}`)];
  if (schema.items?.properties !== undefined) {
    return [rowOf(schema, path, "list"), ...rowsOf(schema.items, `${path}[]`)];
  }
  return [rowOf(schema, path, typeOf(schema))];
}

function rowOf(schema: Schema, path: string, type: string): string[] {
  const value = schema.default;
  const standard = value === undefined || isEmpty(value) ? "" : `\`${JSON.stringify(value)}\``;
  return [path, type, standard, schema.description ?? ""];
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function typeOf(schema: Schema): string {
  const { type, enum: choices, const: only, items, anyOf, oneOf } = schema;
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(", ");
  const either = anyOf ?? oneOf;
  if (either !== undefined) return [...new Set(either.map(typeOf))].join(" or ");
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (type === "integer") return `whole number${boundsOf(schema)}`;
  if (type === "number") return `number${boundsOf(schema)}`;
  if (type === "string") return "text";
  if (type === "boolean") return "true or false";
  return "text";
}

function boundsOf({ minimum, maximum }: Schema): string {
  const from = minimum === undefined || Math.abs(minimum) > 1e15 ? undefined : minimum;
  const to = maximum === undefined || Math.abs(maximum) > 1e15 ? undefined : maximum;
  if (from === undefined && to === undefined) return "";
  return to === undefined ? ` from ${from}` : ` ${from ?? 0} to ${to}`;
}
