import type { Tool } from "@troupe/contracts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { CalculationError, evaluate } from "./expression.ts";

/** Digits that a sum of decimal fractions keeps exact: `0.1 + 0.2` is 0.3 to people. */
const DIGITS = 14;

export function calculatorTool(): Tool {
  return {
    spec: {
      name: "calculator",
      description:
        "Calculates an expression of numbers exactly. Use it instead of doing arithmetic yourself.",
      kind: "pure",
      timeoutMs: 1_000,
      inputSchema: objectOf(
        {
          expression: {
            type: "string",
            minLength: 1,
            description:
              "For example 2 * (3 + 4)^2 or sqrt(2) / 3. Knows + - * / % ^, parentheses, pi, e, sqrt, abs, round, floor, ceil, min, max, ln, log, sin, cos, tan.",
          },
        },
        ["expression"],
      ),
    },
    async run(input, { language }) {
      const { expression } = input as { expression: string };
      try {
        return { text: `${expression.trim()} = ${numberText(evaluate(expression), language)}` };
      } catch (error) {
        if (error instanceof CalculationError)
          return { text: tell(language, error.key, error.values), isError: true };
        throw error;
      }
    },
  };
}

function numberText(value: number, language: string): string {
  const rounded = Number(value.toPrecision(DIGITS));
  // Past 2^53 a number stands for several integers, and saying one of them would be a lie.
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
    return tell(language, "calculator.about", { value: rounded.toExponential() });
  return String(Object.is(rounded, -0) ? 0 : rounded);
}
