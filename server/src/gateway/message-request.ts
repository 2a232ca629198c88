import type { DirectCall, WhileBusy } from "@troupe/contracts";
import {
  countAt,
  type Fields,
  objectAt,
  oneOf,
  onlyKnown,
  optional,
  stringAt,
  temperatureAt,
} from "./fields.ts";
import { FieldError } from "./reply.ts";

/** The body of `POST /api/agents/{id}/messages`. */
export interface MessageRequest {
  readonly text: string;
  readonly session: string | undefined;
  readonly user: string | undefined;
  readonly command: DirectCall | undefined;
  readonly instructions: string | undefined;
  readonly whileBusy: WhileBusy | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
}

const LONGEST_NAME = 200;
const KNOWN = new Set([
  "text",
  "session",
  "user",
  "command",
  "instructions",
  "whileBusy",
  "maxOutputTokens",
  "temperature",
]);
const KNOWN_IN_COMMAND = new Set(["tool", "input"]);
const whileBusyAt = oneOf<WhileBusy>(["queue", "steer", "interrupt"]);
const nameAt = (value: unknown, field: string): string => stringAt(value, field, LONGEST_NAME);

/** Throws a `FieldError`. */
export function readMessage(body: unknown): MessageRequest {
  const fields = objectAt(body, "body");
  onlyKnown(fields, KNOWN);
  const command = optional(fields.command, "command", commandAt);
  return {
    text: textOfMessage(fields, command),
    session: optional(fields.session, "session", nameAt),
    user: optional(fields.user, "user", nameAt),
    command,
    instructions: optional(fields.instructions, "instructions", stringAt),
    whileBusy: optional(fields.whileBusy, "whileBusy", whileBusyAt),
    maxOutputTokens: optional(fields.maxOutputTokens, "maxOutputTokens", countAt),
    temperature: optional(fields.temperature, "temperature", temperatureAt),
  };
}

/** A command needs no words; the conversation then shows its name. */
function textOfMessage(fields: Fields, command: DirectCall | undefined): string {
  if (command !== undefined && (fields.text === undefined || fields.text === null)) return `/${command.tool}`;
  const text = stringAt(fields.text, "text");
  if (text.trim() === "") throw new FieldError("text", "text is empty.");
  return text;
}

function commandAt(value: unknown, field: string): DirectCall {
  const command = objectAt(value, field);
  for (const name of Object.keys(command)) {
    if (!KNOWN_IN_COMMAND.has(name)) {
      throw new FieldError(
        `${field}.${name}`,
        `${field}.${name} is not a field of this request. Known: tool, input.`,
      );
    }
  }
  return { tool: nameAt(command.tool, `${field}.tool`), input: command.input ?? {} };
}
