import type { ToolText } from "../catalogue/index.ts";

/** Why a calculation has no result, as a key of the catalogue and its values. */
export class CalculationError extends Error {
  readonly key: ToolText;
  readonly values: Readonly<Record<string, string | number>>;

  constructor(key: ToolText, values: Readonly<Record<string, string | number>> = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

const MAX_CHARACTERS = 500;
const MAX_DEPTH = 50;
const TOKEN = /\s*(?:(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|([a-z]\w*)|([-+*/%^(),])|(\S))/giy;

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

interface Formula {
  readonly least: number;
  readonly most: number;
  readonly apply: (...values: number[]) => number;
}

const one = (apply: (value: number) => number): Formula => ({
  least: 1,
  most: 1,
  apply: (value = Number.NaN) => apply(value),
});
const FUNCTIONS: Readonly<Record<string, Formula>> = {
  sqrt: one(Math.sqrt),
  abs: one(Math.abs),
  floor: one(Math.floor),
  ceil: one(Math.ceil),
  ln: one(Math.log),
  log: one(Math.log10),
  sin: one(Math.sin),
  cos: one(Math.cos),
  tan: one(Math.tan),
  round: {
    least: 1,
    most: 2,
    apply: (value = Number.NaN, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits,
  },
  min: { least: 1, most: 100, apply: (...values) => Math.min(...values) },
  max: { least: 1, most: 100, apply: (...values) => Math.max(...values) },
};

type Token =
  | { readonly kind: "number"; readonly value: number; readonly text: string }
  | { readonly kind: "name" | "mark"; readonly text: string };

function tokensOf(text: string): Token[] {
  const plain = text
    .replaceAll("×", "*")
    .replaceAll("·", "*")
    .replaceAll("÷", "/")
    .replaceAll(":", "/")
    .replace(/[−–]/g, "-")
    .replaceAll("**", "^");
  const tokens: Token[] = [];
  for (const [, number, name, mark, other] of plain.trimEnd().matchAll(TOKEN)) {
    if (other !== undefined) throw new CalculationError("calculator.bad", { at: other });
    if (number !== undefined) tokens.push({ kind: "number", value: Number(number), text: number });
    else if (name !== undefined) tokens.push({ kind: "name", text: name.toLowerCase() });
    else tokens.push({ kind: "mark", text: mark ?? "" });
  }
  return tokens;
}

/**
 * Value of an expression with `+ - * / % ^`, parentheses, `pi`, `e` and a few functions. `%` is the remainder, or a
 * hundredth where nothing follows it. Throws `CalculationError`. Nothing of the text is ever run as code.
 */
export function evaluate(text: string): number {
  if (text.length > MAX_CHARACTERS) throw new CalculationError("calculator.long", { limit: MAX_CHARACTERS });
  const reader = createReader(tokensOf(text));
  const value = sum(reader, 0);
  const rest = reader.peek();
  if (rest !== undefined) throw new CalculationError("calculator.bad", { at: rest.text });
  if (!Number.isFinite(value)) throw new CalculationError("calculator.notReal");
  return value;
}

interface Reader {
  peek(offset?: number): Token | undefined;
  take(): Token;
  /** Takes the next token when it is one of these marks. */
  takeMark(...marks: readonly string[]): string | undefined;
}

function createReader(tokens: readonly Token[]): Reader {
  let at = 0;
  return {
    peek: (offset = 0) => tokens[at + offset],
    take() {
      const token = tokens[at++];
      if (token === undefined) throw new CalculationError("calculator.end");
      return token;
    },
    takeMark(...marks) {
      const token = tokens[at];
      if (token?.kind !== "mark" || !marks.includes(token.text)) return undefined;
      at += 1;
      return token.text;
    },
  };
}

function sum(reader: Reader, depth: number): number {
  let value = product(reader, depth);
  for (let mark = reader.takeMark("+", "-"); mark !== undefined; mark = reader.takeMark("+", "-")) {
    const right = product(reader, depth);
    value = mark === "+" ? value + right : value - right;
  }
  return value;
}

function product(reader: Reader, depth: number): number {
  let value = signed(reader, depth);
  for (let mark = reader.takeMark("*", "/", "%"); mark !== undefined; mark = reader.takeMark("*", "/", "%")) {
    if (mark === "%" && !beginsOperand(reader.peek())) {
      value /= 100;
      continue;
    }
    const right = signed(reader, depth);
    if (mark !== "*" && right === 0) throw new CalculationError("calculator.zero");
    if (mark === "*") value *= right;
    else value = mark === "/" ? value / right : value % right;
  }
  return value;
}

/** A sign after `%` belongs to the sum: `50% + 1`. */
function beginsOperand(token: Token | undefined): boolean {
  return token !== undefined && (token.kind !== "mark" || token.text === "(");
}

/** A sign binds less than a power: `-2^2` is -4. */
function signed(reader: Reader, depth: number): number {
  if (depth > MAX_DEPTH) throw new CalculationError("calculator.deep");
  const mark = reader.takeMark("-", "+");
  if (mark === undefined) return power(reader, depth);
  const value = signed(reader, depth + 1);
  return mark === "-" ? -value : value;
}

function power(reader: Reader, depth: number): number {
  const base = operand(reader, depth);
  if (reader.takeMark("^") === undefined) return base;
  return base ** signed(reader, depth + 1);
}

function operand(reader: Reader, depth: number): number {
  const token = reader.take();
  if (token.kind === "number") return token.value;
  if (token.kind === "name") return named(token.text, reader, depth);
  if (token.text !== "(") throw new CalculationError("calculator.bad", { at: token.text });
  const value = sum(reader, depth + 1);
  close(reader);
  return value;
}

function named(name: string, reader: Reader, depth: number): number {
  const constant = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
  if (constant !== undefined) return constant;
  const formula = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (formula === undefined) {
    const known = [...Object.keys(FUNCTIONS), ...Object.keys(CONSTANTS)].join(", ");
    throw new CalculationError("calculator.unknown", { name, known });
  }
  if (reader.takeMark("(") === undefined)
    throw new CalculationError("calculator.bad", { at: reader.peek()?.text ?? name });
  const values = [sum(reader, depth + 1)];
  while (reader.takeMark(",") !== undefined) values.push(sum(reader, depth + 1));
  close(reader);
  if (values.length < formula.least || values.length > formula.most) {
    const wanted =
      formula.least === formula.most ? String(formula.least) : `${formula.least}–${formula.most}`;
    throw new CalculationError("calculator.arguments", { name, got: values.length, wanted });
  }
  return formula.apply(...values);
}

function close(reader: Reader): void {
  if (reader.takeMark(")") !== undefined) return;
  throw new CalculationError(reader.peek() === undefined ? "calculator.end" : "calculator.bad", {
    at: reader.peek()?.text ?? "",
  });
}
