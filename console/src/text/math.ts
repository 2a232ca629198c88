/** Code, which no rule about mathematics may touch: fenced blocks (also one that is still being written) and spans. */
const CODE =
  /(^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\2[`~]*[ \t]*$|$(?![\s\S])))|(`+)(?!`)[\s\S]*?(?<!`)\3(?!`)/gm;

/**
 * Models write mathematics as `\(x\)`, `\[x\]`, `$x$` and `$$x$$`; Markdown's plug-in knows dollars alone, and with single ones
 * takes prices for mathematics. So everything is written with two, and a single dollar counts only as pandoc's rule has it:
 * no space inside beside it, no digit after the closing one. Source: pandoc.org/MANUAL.html#math.
 */
export function withPlainMath(text: string): string {
  if (!/[$\\]/.test(text)) return text;
  let result = "";
  let from = 0;
  for (const found of text.matchAll(CODE)) {
    result += convert(text.slice(from, found.index)) + found[0];
    from = found.index + found[0].length;
  }
  return result + convert(text.slice(from));
}

export function hasMath(text: string): boolean {
  return text.includes("$$");
}

function convert(prose: string): string {
  return prose
    .replace(/\\\[([\s\S]+?)\\\]/g, (_, inner: string) => block(inner))
    .replace(/^\$\$([^\n$]+)\$\$[ \t]*$/gm, (_, inner: string) => block(inner))
    .replace(/\\\(([^\n]+?)\\\)/g, (_, inner: string) => `$$${inner.trim()}$$`)
    .replace(/(?<![\\$\w])\$(?![\s$])([^\n$]*?[^\s$\\])\$(?![\d$])/g, (_, inner: string) => `$$${inner}$$`);
}

function block(inner: string): string {
  return `\n$$\n${inner.trim()}\n$$\n`;
}
