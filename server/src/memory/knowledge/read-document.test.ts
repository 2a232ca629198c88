import { describe, expect, it } from "vitest";
import { estimateTokens } from "../../kit/index.ts";
import { citationOf } from "./chunk.ts";
import { type RawDocument, readDocument } from "./read-document.ts";

const read = (text: string, change: Partial<RawDocument> = {}) =>
  readDocument({ bytes: Buffer.from(text), mediaType: "text/markdown", name: "handbook.md", ...change });
const placesOf = (text: string, change: Partial<RawDocument> = {}): readonly string[] => {
  const { title, chunks } = read(text, change);
  return chunks.map(({ place }) => citationOf(title, place));
};

describe("Markdown", () => {
  it("is cut under its headings, and each piece names those above it", () => {
    const text =
      "# Handbook\n\nWelcome.\n\n## Leave\n\nFive weeks.\n\n### Parental\n\nA year.\n\n## Pay\n\nMonthly.";

    expect(placesOf(text)).toEqual([
      "Handbook",
      "Handbook › Leave",
      "Handbook › Leave › Parental",
      "Handbook › Pay",
    ]);
    expect(read(text).chunks.map((chunk) => chunk.text)).toEqual([
      "Welcome.",
      "Five weeks.",
      "A year.",
      "Monthly.",
    ]);
  });

  it("knows underlined headings and a title in front matter, and none within a fence", () => {
    const text =
      "---\ntitle: The Manual\n---\nFirst\n=====\n\n```sh\n# no heading\n```\n\nSecond\n------\nwords";

    expect(placesOf(text)).toEqual(["The Manual › First", "The Manual › First › Second"]);
    expect(read(text).chunks[0]?.text).toContain("# no heading");
  });

  it("numbers pieces of one place, also of two sections of one name", () => {
    const long = Array.from({ length: 60 }, (_, n) => `Sentence number ${n} says some words.`).join(" ");

    expect(placesOf(`# A\n\n${long}\n\n## Notes\n\nx\n\n## Notes\n\ny`).slice(-3)).toEqual([
      "A › part 3",
      "A › Notes",
      "A › Notes, part 2",
    ]);
  });
});

it("no piece is longer than its bound, and no word is lost, whatever the text is like", () => {
  const texts = [
    Array.from({ length: 2_000 }, (_, n) => `word${n}`).join(" "),
    Array.from({ length: 300 }, (_, n) => `Paragraph ${n} with words${n}.`).join("\n\n"),
    "字".repeat(5_000),
    "https://example.test/".padEnd(4_000, "long"),
    `${"Short. ".repeat(400)}end`,
  ];
  for (const text of texts) {
    const { chunks } = read(text, { mediaType: "text/plain", name: "notes.txt" });
    for (const chunk of chunks) expect(estimateTokens(chunk.text)).toBeLessThanOrEqual(260);
    const plain = (some: string): string => some.replace(/\s+/g, "");
    expect(plain(chunks.map((chunk) => chunk.text).join(""))).toBe(plain(text));
  }
});

describe("HTML", () => {
  it("is its words under their headings, without menus, scripts and what is hidden", () => {
    const page = `<!doctype html><title>Opening hours &amp; prices</title><nav>Home</nav><script>let x = "evil"</script>
      <main><h1>Hours</h1><p>Monday to <b>Friday</b><br>9 to 5</p><p hidden>secret</p>
      <h2>Prices</h2><ul><li>Adults: 10</li><li>Children: 5</li></ul>
      <table><tr><th>Day</th><th>Price</th></tr><tr><td>Monday</td><td>8</td></tr></table><pre>a
  b</pre></main><footer>Imprint</footer>`;
    const { title, chunks } = read(page, { mediaType: "text/html", name: "x" });

    expect(title).toBe("Opening hours & prices");
    expect(chunks).toEqual([
      { place: "Hours", text: "Monday to Friday\n9 to 5" },
      { place: "Hours › Prices", text: "- Adults: 10\n- Children: 5\nDay | Price\nMonday | 8\na\n  b" },
    ]);
  });

  it("nested without end is read to a depth, in time", () => {
    const page = `${"<div>".repeat(20_000)}deep<p>`;
    expect(() => read(`<p>shallow</p>${page}`, { mediaType: "text/html" })).not.toThrow();
  });

  it("is read in the charset that it names", () => {
    const bytes = Buffer.concat([
      Buffer.from('<meta charset="windows-1251"><p>'),
      Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xb3, 0xf2]),
    ]);
    expect(readDocument({ bytes, mediaType: "text/html", name: "x" }).chunks[0]?.text).toBe("Привіт");
  });
});

it("pieces of a table begin with the names of its columns", () => {
  const rows = Array.from({ length: 80 }, (_, n) => `Product number ${n},${n * 10}`);
  const { chunks } = read(["name,price", ...rows].join("\n"), { mediaType: "text/csv", name: "prices.csv" });

  expect(chunks.length).toBeGreaterThan(2);
  for (const { text } of chunks) expect(text.startsWith("name,price\nProduct number ")).toBe(true);
});

it("JSON is read by its values, and lines of JSON line by line", () => {
  const list = read('[{"city":"Lviv"},{"city":"Kyiv"}]', { mediaType: "application/json", name: "c.json" });
  expect(list.chunks[0]?.text).toContain('"city": "Lviv"');
  const lines = read('{"a":1}\n{"a":2}', { mediaType: "application/jsonl+json", name: "c.jsonl" });
  expect(lines.chunks[0]?.text).toBe('{"a":1}\n{"a":2}');
});

it("what is no text, empty, a PDF or too long is refused in one sentence that says what to do", () => {
  const refused = (bytes: Uint8Array, text: RegExp) =>
    expect(() => readDocument({ bytes, mediaType: "text/plain", name: "file" })).toThrow(text);

  refused(Buffer.from([0xff, 0xfe, 0x00]), /"file" is no text in UTF-8\. Give text/);
  refused(Buffer.from("a\0b"), /is no text in UTF-8/);
  refused(Buffer.from("%PDF-1.7 …"), /is a PDF, which Troupe does not read\. Save it as/);
  refused(Buffer.from(" \n\n "), /holds no words/);
  refused(Buffer.from(`${"some words ".repeat(60)}\n\n`.repeat(2_001)), /is longer than 2000 pieces/);
});
