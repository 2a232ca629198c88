import { memo, type ReactNode, useEffect, useState } from "react";
import ReactMarkdown, { type Components, type Options } from "react-markdown";
import remarkGfm from "remark-gfm";
import { useWords } from "../words/index.ts";
import { CodeBlock } from "./code-block.tsx";
import { hasMath, withPlainMath } from "./math.ts";

type PluggableList = NonNullable<Options["rehypePlugins"]>;

const SAFE_REL = "noopener noreferrer nofollow";

const COMPONENTS: Components = {
  a: ({ node: _, children, ...rest }) => (
    <a {...rest} target="_blank" rel={SAFE_REL}>
      {children}
    </a>
  ),
  // Fetching a picture that an answer names would tell its server what was said.
  img: ({ src, alt }) => (
    <a href={typeof src === "string" ? src : undefined} target="_blank" rel={SAFE_REL}>
      {alt === undefined || alt === "" ? String(src ?? "") : alt}
    </a>
  ),
  pre: ({ node, children }) => <CodeBlock node={node}>{children}</CodeBlock>,
  table: ({ children }) => <TableFrame>{children}</TableFrame>,
  input: ({ checked }) => <Tick isDone={checked === true} />,
};

/** Words of an agent or a person. Raw HTML in them stays text. */
export const Markdown = memo(function MarkdownText({ text }: { readonly text: string }): ReactNode {
  const plain = withPlainMath(text);
  const plugins = usePlugins(hasMath(plain), /^ {0,3}(```|~~~)\S/m.test(plain));
  return (
    <ReactMarkdown remarkPlugins={plugins.remark} rehypePlugins={plugins.rehype} components={COMPONENTS}>
      {plain}
    </ReactMarkdown>
  );
});

function TableFrame({ children }: { readonly children?: ReactNode }): ReactNode {
  const words = useWords();
  // Wide tables scroll, also by keyboard.
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse (WCAG 2.1.1).
    <section className="table-frame" tabIndex={0} aria-label={words.table}>
      <table>{children}</table>
    </section>
  );
}

function Tick({ isDone }: { readonly isDone: boolean }): ReactNode {
  const words = useWords();
  return (
    <span className="tick" role="img" aria-label={isDone ? words.done : words.notDone}>
      {isDone ? "☑" : "☐"}
    </span>
  );
}

interface Plugins {
  readonly remark: PluggableList;
  readonly rehype: PluggableList;
}

let math: Plugins | undefined;
let code: Plugins | undefined;
const PLAIN: Plugins = { remark: [remarkGfm], rehype: [] };

/** Mathematics and colours of code weigh more than all the rest, so they are loaded when a text first needs them. */
function usePlugins(needsMath: boolean, needsCode: boolean): Plugins {
  const [, setLoaded] = useState(0);
  useEffect(() => {
    let isHere = true;
    const loaded = (): void => {
      if (isHere) setLoaded((count) => count + 1);
    };
    // Without them the text stays readable, so a failure only leaves it plain.
    if (needsMath && math === undefined) void loadMath().then(loaded, () => undefined);
    if (needsCode && code === undefined) void loadCode().then(loaded, () => undefined);
    return () => {
      isHere = false;
    };
  }, [needsMath, needsCode]);
  const used = [needsMath ? math : undefined, needsCode ? code : undefined].filter(
    (one) => one !== undefined,
  );
  if (used.length === 0) return PLAIN;
  return {
    remark: [...PLAIN.remark, ...used.flatMap(({ remark }) => remark)],
    rehype: used.flatMap(({ rehype }) => rehype),
  };
}

async function loadMath(): Promise<void> {
  const { remarkMath, rehypeKatex } = await import("./load-math.ts");
  math = {
    remark: [[remarkMath, { singleDollarTextMath: false }]],
    rehype: [[rehypeKatex, { throwOnError: false, strict: "ignore" }]],
  };
}

async function loadCode(): Promise<void> {
  const { default: rehypeHighlight } = await import("rehype-highlight");
  code = { remark: [], rehype: [[rehypeHighlight, { detect: false }]] };
}
