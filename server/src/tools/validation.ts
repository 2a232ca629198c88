import type { JsonSchema } from "@troupe/contracts";
import type { Ajv2020, ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { tell } from "./catalogue/index.ts";

const SHOWN_PROBLEMS = 4;
const MAX_VALUE_CHARACTERS = 40;

/** Says in the language of `tag` what does not fit; undefined when all does. */
export type InputCheck = (input: unknown, tag: string) => string | undefined;

/** Makes the check of a tool's input. Rejects when the schema itself is wrong. */
export type CheckCompiler = (schema: JsonSchema) => Promise<InputCheck>;

/**
 * One validator for all schemas: making it costs far more than compiling one. Loaded with the first tool that runs, so that
 * a start pays nothing, and it keeps no schema, so that reloads cost no memory.
 */
export function createCheckCompiler(): CheckCompiler {
  let loading: Promise<Ajv2020> | undefined;
  return async (schema) => {
    loading ??= loadValidator();
    const validator = await loading;
    // Servers name older drafts here whose common part reads the same; ajv would refuse the name.
    const { $schema: _draft, ...plain } = schema;
    const validate: ValidateFunction = validator.compile(plain);
    validator.removeSchema(plain);
    return (input, tag) => {
      if (validate(input)) return undefined;
      return problemsText(validate.errors ?? [], input, tag);
    };
  };
}

async function loadValidator(): Promise<Ajv2020> {
  const { Ajv2020: Ajv } = await import("ajv/dist/2020.js");
  // Schemas of other people's servers hold keywords and formats of their own; those say nothing to us.
  return new Ajv({
    allErrors: true,
    strict: false,
    validateFormats: false,
    addUsedSchema: false,
    logger: false,
  });
}

function problemsText(errors: readonly ErrorObject[], input: unknown, tag: string): string {
  const problems = [...new Set(errors.map((error) => problemText(error, input, tag)))];
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  const count = problems.length - shown.length;
  return [...shown, ...(count > 0 ? [tell(tag, "problem.more", { count })] : [])].join("; ");
}

function problemText(error: ErrorObject, input: unknown, tag: string): string {
  const path = pathText(error.instancePath);
  const { params, keyword } = error as { params: Record<string, unknown>; keyword: string };
  if (keyword === "required")
    return tell(tag, "problem.missing", { path: joined(path, String(params.missingProperty)) });
  if (keyword === "additionalProperties" || keyword === "unevaluatedProperties") {
    const name = params.additionalProperty ?? params.unevaluatedProperty;
    return tell(tag, "problem.unknown", { path: joined(path, String(name)) });
  }
  const got = valueAt(input, error.instancePath);
  const named = path === "" ? "input" : path;
  if (keyword === "minLength" && got === "") return tell(tag, "problem.empty", { path: named });
  return tell(tag, "problem.expected", {
    path: named,
    expected: expectedText(error, params),
    got: valueText(got),
  });
}

function expectedText(error: ErrorObject, params: Record<string, unknown>): string {
  switch (error.keyword) {
    case "type":
      return [params.type].flat().join(" | ");
    case "enum":
      return (params.allowedValues as readonly unknown[]).map((value) => JSON.stringify(value)).join(" | ");
    case "const":
      return JSON.stringify(params.allowedValue);
    default:
      // Ajv's own words: "must be >= 1", "must NOT have more than 5 characters".
      return (error.message ?? error.keyword).replace(/^must be /, "").replace(/^must NOT have /, "not ");
  }
}

/** `/items/0/name` as `items.0.name`. */
function pathText(pointer: string): string {
  return pointer.split("/").slice(1).map(unescaped).join(".");
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function valueAt(input: unknown, pointer: string): unknown {
  let value = input;
  for (const part of pointer.split("/").slice(1))
    value = (value as Record<string, unknown> | undefined)?.[unescaped(part)];
  return value;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}
