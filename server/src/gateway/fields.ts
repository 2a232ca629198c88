/** Checks of request fields by hand: the hot routes take no schema library, and the messages name the field. */
import { FieldError } from "./reply.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function objectAt(value: unknown, field: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new FieldError(field, `${field} ${is(value)}; it must be an object.`);
}

export function arrayAt(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be a list.`);
}

export function stringAt(
  value: unknown,
  field: string,
  mostCharacters: number = Number.POSITIVE_INFINITY,
): string {
  if (typeof value !== "string" || value === "") {
    throw new FieldError(field, `${field} ${is(value)}; it must be text.`);
  }
  if (value.length > mostCharacters) {
    throw new FieldError(field, `${field} is longer than ${mostCharacters} characters.`);
  }
  return value;
}

/** Undefined where the field is absent or null, as OpenAI's clients send unset options. */
export function optional<Value>(
  value: unknown,
  field: string,
  read: (value: unknown, field: string) => Value,
): Value | undefined {
  return value === undefined || value === null ? undefined : read(value, field);
}

export function booleanAt(value: unknown, field: string): boolean {
  if (typeof value === "boolean") return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be true or false.`);
}

export function countAt(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be a whole number of at least 1.`);
}

export function temperatureAt(value: unknown, field: string): number {
  if (typeof value === "number" && value >= 0 && value <= 2) return value;
  throw new FieldError(field, `${field} ${is(value)}; it must be a number from 0 to 2.`);
}

export function oneOf<Choice extends string>(
  choices: readonly Choice[],
): (value: unknown, field: string) => Choice {
  return (value, field) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new FieldError(field, `${field} ${is(value)}; it must be one of ${choices.join(", ")}.`);
  };
}

/** Refuses what nobody reads, so that a misspelt field is not ignored in silence. `within`: where the fields stand. */
export function onlyKnown(fields: Fields, known: ReadonlySet<string>, within?: string): void {
  for (const name of Object.keys(fields)) {
    if (known.has(name)) continue;
    const field = shortened(within === undefined ? name : `${within}.${name}`);
    throw new FieldError(field, `${field} is not a field of this request. Known: ${[...known].join(", ")}.`);
  }
}

/** Fields whose meaning would be lost without a word, and the values of them that ask for nothing. */
export type Unserved = readonly (readonly [
  field: string,
  isHarmless: (value: unknown) => boolean,
  why: string,
])[];

export function refuseUnserved(fields: Fields, unserved: Unserved): void {
  for (const [field, isHarmless, why] of unserved) {
    const value = fields[field];
    if (value === undefined || value === null || isHarmless(value)) continue;
    throw new FieldError(field, `${field} ${is(value)}, which is not served. ${why}`);
  }
}

export function is(value: unknown): string {
  if (value === undefined) return "is missing";
  return `is ${shortened(JSON.stringify(value) ?? typeof value)}`;
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
