import type { ClientOptions, ClientTool, ResponseFormat, ToolChoice } from "@troupe/contracts";
import { arrayAt, is, objectAt, optional, stringAt } from "../fields.ts";
import { FieldError } from "../reply.ts";

const NAME = /^[\w-]{1,64}$/;
const MOST_TOOLS = 128;
const MOST_STOPS = 4;
const LONGEST_STOP = 200;
/** What a tool without parameters takes. */
const NOTHING = { type: "object", properties: {} };

/** Function tools as either dialect writes them: nested under `function`, or flat. */
export function toolsAt(value: unknown, field: string, isFlat: boolean): readonly ClientTool[] {
  const list = arrayAt(value, field);
  if (list.length > MOST_TOOLS) {
    throw new FieldError(field, `${field} holds ${list.length} tools; ${MOST_TOOLS} are the most.`);
  }
  const tools = list.map((item, index) => toolAt(item, `${field}[${index}]`, isFlat));
  const names = tools.map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twice >= 0)
    throw new FieldError(`${field}[${twice}]`, `${field}[${twice}] names "${names[twice]}" twice.`);
  return tools;
}

function toolAt(value: unknown, field: string, isFlat: boolean): ClientTool {
  const tool = objectAt(value, field);
  if (tool.type !== "function") {
    throw new FieldError(
      `${field}.type`,
      `${field}.type ${is(tool.type)}; only "function" is served, Troupe's agents bring the others.`,
    );
  }
  const at = isFlat ? field : `${field}.function`;
  const fn = isFlat ? tool : objectAt(tool.function, at);
  const description = optional(fn.description, `${at}.description`, textAt) ?? "";
  return {
    name: nameAt(fn.name, `${at}.name`),
    description,
    inputSchema: optional(fn.parameters, `${at}.parameters`, objectAt) ?? NOTHING,
  };
}

/** `auto`, `none`, `required`, or one function by its name. */
export function toolChoiceAt(value: unknown, field: string): ToolChoice {
  if (value === "auto" || value === "none" || value === "required") return value;
  if (typeof value === "object" && value !== null) {
    const choice = objectAt(value, field);
    const named = choice.function === undefined ? choice : objectAt(choice.function, `${field}.function`);
    if (choice.type === "function") return { name: nameAt(named.name, `${field}.name`) };
  }
  throw new FieldError(
    field,
    `${field} ${is(value)}; it must be auto, none, required, or one function by its name.`,
  );
}

/** `{"type":"json_schema","json_schema":{…}}`, or flat as the Responses dialect has it. Undefined for text. */
export function responseFormatAt(value: unknown, field: string): ResponseFormat | undefined {
  const format = objectAt(value, field);
  if (format.type === "text") return undefined;
  if (format.type !== "json_schema") {
    throw new FieldError(
      field,
      `${field}.type ${is(format.type)}, which is not served; use "json_schema" with a schema, or "text".`,
    );
  }
  const isNested = format.json_schema !== undefined;
  const at = isNested ? `${field}.json_schema` : field;
  const shape = isNested ? objectAt(format.json_schema, at) : format;
  return {
    name: nameAt(shape.name, `${at}.name`),
    schema: objectAt(shape.schema, `${at}.schema`),
  };
}

/** One word to stop at, or up to four. */
export function stopAt(value: unknown, field: string): readonly string[] {
  const stops = typeof value === "string" ? [value] : arrayAt(value, field);
  if (stops.length > MOST_STOPS) {
    throw new FieldError(field, `${field} holds ${stops.length} texts; ${MOST_STOPS} are the most.`);
  }
  return stops.map((stop, index) => stringAt(stop, `${field}[${index}]`, LONGEST_STOP));
}

/** Undefined where nothing of it was asked for. A choice needs a tool to choose. */
export function clientOptionsOf(asked: ClientOptions): ClientOptions | undefined {
  const { tools = [], toolChoice, responseFormat, stop = [] } = asked;
  if (tools.length === 0 && toolChoice !== undefined && toolChoice !== "auto" && toolChoice !== "none") {
    throw new FieldError("tool_choice", "tool_choice asks for a call, but tools is empty.");
  }
  if (typeof toolChoice === "object" && !tools.some(({ name }) => name === toolChoice.name)) {
    throw new FieldError("tool_choice", `tool_choice names "${toolChoice.name}", which is not in tools.`);
  }
  const isNothing =
    tools.length === 0 && responseFormat === undefined && stop.length === 0 && toolChoice !== "none";
  if (isNothing) return undefined;
  return {
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === undefined || toolChoice === "auto" ? {} : { toolChoice }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(asked.withoutAgentTools === true ? { withoutAgentTools: true } : {}),
  };
}

function nameAt(value: unknown, field: string): string {
  const name = stringAt(value, field);
  if (NAME.test(name)) return name;
  throw new FieldError(field, `${field} ${is(name)}; it may hold a–z, A–Z, 0–9, _ and -, at most 64.`);
}

function textAt(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be text.`);
}
