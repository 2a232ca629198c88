import type { ReactNode } from "react";
import type { ExtraProps } from "react-markdown";
import { useCopy } from "../parts/copy-line.tsx";
import { useWords } from "../words/index.ts";

type Element = NonNullable<ExtraProps["node"]>;
type Child = Element["children"][number];

/** A block of code with its language and a button that copies it. */
export function CodeBlock(props: {
  readonly node: Element | undefined;
  readonly children?: ReactNode;
}): ReactNode {
  const words = useWords();
  const { isCopied, copy } = useCopy();
  const code = props.node?.children.find((child): child is Element => child.type === "element");
  if (code === undefined) return <pre>{props.children}</pre>;
  return (
    <figure className="code-block">
      <figcaption>
        <span>{languageOf(code) ?? words.code}</span>
        <button type="button" className="quiet" onClick={() => copy(textOf(code).replace(/\n$/, ""))}>
          {isCopied ? words.copied : words.copy}
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse (WCAG 2.1.1). */}
      <pre dir="ltr" tabIndex={0}>
        {props.children}
      </pre>
    </figure>
  );
}

function languageOf(code: Element): string | undefined {
  const names = code.properties.className;
  const name = (Array.isArray(names) ? names : []).find((one) => String(one).startsWith("language-"));
  return name === undefined ? undefined : String(name).slice("language-".length);
}

function textOf(node: Child): string {
  if (node.type === "text") return node.value;
  return node.type === "element" ? node.children.map(textOf).join("") : "";
}
