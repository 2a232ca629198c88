import { type DirectCall, type FilePart, MAX_FILES_PER_MESSAGE, type WhileBusy } from "@troupe/contracts";
import { mediaTypeOf } from "../kit/index.ts";
import {
  arrayAt,
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
  readonly files: readonly FilePart[];
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
  "files",
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
  const files = optional(fields.files, "files", filesAt) ?? [];
  return {
    text: textOfMessage(fields, command, files),
    files,
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
function textOfMessage(fields: Fields, command: DirectCall | undefined, files: readonly FilePart[]): string {
  if (files.length > 0 && (fields.text === undefined || fields.text === null || fields.text === ""))
    return "";
  if (command !== undefined && (fields.text === undefined || fields.text === null)) return `/${command.tool}`;
  const text = stringAt(fields.text, "text");
  if (text.trim() === "") throw new FieldError("text", "text is empty.");
  return text;
}

const KNOWN_IN_FILE = new Set(["blobId", "mediaType", "name", "sizeBytes"]);

/** As `POST /api/blobs` answered them. */
function filesAt(value: unknown, field: string): readonly FilePart[] {
  const list = arrayAt(value, field);
  if (list.length > MAX_FILES_PER_MESSAGE) {
    throw new FieldError(
      field,
      `${field} holds ${list.length} files; ${MAX_FILES_PER_MESSAGE} are the most.`,
    );
  }
  return list.map((item, at) => {
    const path = `${field}[${at}]`;
    const file = objectAt(item, path);
    onlyKnown(file, KNOWN_IN_FILE, path);
    const mediaType = mediaTypeOf(nameAt(file.mediaType, `${path}.mediaType`));
    if (mediaType === undefined)
      throw new FieldError(`${path}.mediaType`, `${path}.mediaType is no media type.`);
    const name = optional(file.name, `${path}.name`, nameAt) ?? "file";
    return { type: "file", blobId: nameAt(file.blobId, `${path}.blobId`), mediaType, name, sizeBytes: 0 };
  });
}

function commandAt(value: unknown, field: string): DirectCall {
  const command = objectAt(value, field);
  onlyKnown(command, KNOWN_IN_COMMAND, field);
  return { tool: nameAt(command.tool, `${field}.tool`), input: command.input ?? {} };
}
