import { hash } from "node:crypto";
import type { PageAbsence } from "./deps.ts";

interface PageTexts {
  readonly title: string;
  readonly lead: string;
  readonly terminal: string;
  readonly api: string;
  readonly key: string;
  readonly apiNote: string;
  readonly more: string;
  readonly description: string;
  readonly building: string;
  readonly failed: string;
}

const TEXTS: Readonly<Record<"en" | "uk", PageTexts>> = {
  en: {
    title: "Troupe is running",
    lead: "Your agents are here. Talk to them from a terminal, or from any program that speaks the OpenAI dialect.",
    terminal: "In a terminal",
    api: "From a program",
    key: "The first command prints a key, once. Put it where the second one says KEY.",
    apiNote:
      "The model is an agent's id; ./troupe agent list shows them. With the header x-troupe-session Troupe keeps the conversation.",
    more: "More",
    description: "Description of the API",
    building: "The chat page is being built; it opens by itself in a moment.",
    failed: "The chat page could not be built. Everything else works.",
  },
  uk: {
    title: "Troupe працює",
    lead: "Ваші агенти тут. Говоріть із ними з термінала або з будь-якої програми, що знає діалект OpenAI.",
    terminal: "У терміналі",
    api: "З програми",
    key: "Перша команда друкує ключ, лише раз. Поставте його туди, де в другій стоїть KEY.",
    apiNote:
      "Модель — це ідентифікатор агента; їх показує ./troupe agent list. Із заголовком x-troupe-session Troupe веде розмову сам.",
    more: "Більше",
    description: "Опис API",
    building: "Сторінка розмов саме збирається; за мить вона відкриється сама.",
    failed: "Сторінку розмов не вдалося зібрати. Усе інше працює.",
  },
};

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1b1a; --soft: #5c5854; --paper: #fbfaf8; --code: #efece7; --accent: #8a3b12; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece8e2; --soft: #b3aca3; --paper: #191817; --code: #262422; --accent: #f0a070; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 12vh 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.0625rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0 0 1rem; }
.news { border-inline-start: 3px solid var(--accent); padding-inline-start: 1rem; }
.soft { color: var(--soft); }
pre { background: var(--code); padding: 1rem; border-radius: 0.5rem; margin: 0 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 0.9375rem/1.5 ui-monospace, monospace; }
@media (max-width: 30rem) { pre { font-size: 0.8125rem; } }
a { color: var(--accent); }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;

const TERMINAL_EXAMPLE = "./troupe chat";
const KEY_EXAMPLE = "./troupe key create --name mine";
const apiExample = (host: string): string => `KEY=trp_…
curl http://${host}/v1/chat/completions \\
  -H "authorization: Bearer $KEY" \\
  -H "content-type: application/json" \\
  -d '{"model": "ana", "messages":
    [{"role": "user", "content": "hello"}]}'`;

export interface Page {
  readonly html: string;
  readonly language: string;
  readonly contentSecurityPolicy: string;
}

export type PlainPage = (
  acceptLanguage: string | undefined,
  host: string | undefined,
  absence?: PageAbsence,
) => Page;

/**
 * What `/` shows where there is no chat page: that Troupe runs, how to talk to it, and why the page is not there. No scripts,
 * nothing secret, nothing loaded.
 */
export function createPage(version: string): PlainPage {
  const styleHash = hash("sha256", STYLE, "base64");
  const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return (acceptLanguage, host = "127.0.0.1:8080", absence) => {
    const language = preferred(acceptLanguage);
    return { html: htmlOf(language, version, host, absence), language, contentSecurityPolicy };
  };
}

/** The first language of the list that has a text; people list what they like best first. */
function preferred(acceptLanguage: string | undefined): "en" | "uk" {
  for (const entry of (acceptLanguage ?? "").toLowerCase().split(",")) {
    const language = entry.trim().slice(0, 2);
    if (language === "en" || language === "uk") return language;
  }
  return "en";
}

function htmlOf(
  language: "en" | "uk",
  version: string,
  host: string,
  absence: PageAbsence | undefined,
): string {
  const text = TEXTS[language];
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text.title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${text.title}</h1>
${absenceOf(text, absence)}<p>${text.lead}</p>
<h2>${text.terminal}</h2>
<pre><code>${TERMINAL_EXAMPLE}</code></pre>
<h2>${text.api}</h2>
<p>${text.key}</p>
<pre><code>${KEY_EXAMPLE}</code></pre>
<pre><code>${escapeHtml(apiExample(host))}</code></pre>
<p class="soft">${text.apiNote}</p>
<h2>${text.more}</h2>
<p><a href="/api/openapi.json">${text.description}</a></p>
<p class="soft">Troupe ${escapeHtml(version)}</p>
</main>
</body>
</html>
`;
}

function absenceOf(text: PageTexts, absence: PageAbsence | undefined): string {
  if (absence === undefined) return "";
  const reason = absence.reason === undefined ? "" : ` ${escapeHtml(absence.reason)}`;
  return `<p class="news" role="status">${text[absence.absent]}${reason}</p>\n`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
