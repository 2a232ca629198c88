import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { EXAMPLE_CONFIG } from "../examples.ts";
import { editSettings } from "./edit-settings.ts";

const PROVIDER = { name: "openai", fields: { kind: "openai", apiKey: "${secret:openai}" } };
const MODELS = { name: "default", list: ["openai/gpt-5-mini", "offline/guide"] };

/** The lines that came and those that went. */
function difference(before: string, after: string): { readonly came: string[]; readonly went: string[] } {
  const [a, b] = [before.split("\n"), after.split("\n")];
  return { came: b.filter((line) => !a.includes(line)), went: a.filter((line) => !b.includes(line)) };
}

describe("a change of the settings", () => {
  test("of the first start's file adds a block where a person would, and every other line stays", () => {
    const edited = editSettings(EXAMPLE_CONFIG, { provider: PROVIDER, models: MODELS });

    expect(difference(EXAMPLE_CONFIG, edited)).toEqual({
      came: [
        "providers:",
        "  openai:",
        "    kind: openai",
        "    apiKey: ${secret:openai}",
        "  default: [openai/gpt-5-mini, offline/guide]",
      ],
      went: ["  default: [offline/guide]"],
    });
    expect(edited).toContain(
      "adminPort: 9091 }\n\nproviders:\n  openai:\n    kind: openai\n    apiKey: ${secret:openai}\n\n# The models of a list",
    );
    expect(parse(edited)).toMatchObject({
      providers: { openai: PROVIDER.fields },
      models: { default: MODELS.list },
    });
    expect(editSettings(edited, { provider: PROVIDER, models: MODELS })).toBe(edited);
  });

  const MESSY = `# mine
version: 1   # one

models:
    default:   # the order matters
        - local/a      # at home
        # a lone remark
        - offline/guide
    small: [ offline/guide ]
providers:
    local: {kind: openai-compatible,   baseUrl: "http://x/v1"}   # by hand

    other:
        kind: openai-compatible   # or so
        baseUrl: 'http://y/v1'
        apiKey: old   # from May
log: {level: debug}`;

  test.each([
    [
      "adds a provider after the others",
      { provider: PROVIDER },
      ["    openai:", "      kind: openai", "      apiKey: ${secret:openai}"],
      [],
    ],
    [
      "replaces one field of a provider and keeps what is said about it",
      { provider: { name: "other", fields: { apiKey: "${secret:other}" } } },
      ["        apiKey: ${secret:other}   # from May"],
      ["        apiKey: old   # from May"],
    ],
    [
      "adds a field to a provider on one line",
      { provider: { name: "local", fields: { apiKey: "${secret:local}" } } },
      [
        '    local: {kind: openai-compatible,   baseUrl: "http://x/v1", apiKey: "${secret:local}"}   # by hand',
      ],
      ['    local: {kind: openai-compatible,   baseUrl: "http://x/v1"}   # by hand'],
    ],
    [
      "puts a model before the others of a list in lines",
      { models: { name: "default", list: ["openai/x", "local/a", "offline/guide"] } },
      ["        - openai/x"],
      [],
    ],
    [
      "puts a model between the others",
      { models: { name: "default", list: ["local/a", "openai/x", "offline/guide"] } },
      ["        - openai/x"],
      [],
    ],
    [
      "puts one model in another's place",
      { models: { name: "default", list: ["openai/x", "offline/guide"] } },
      ["        - openai/x"],
      ["        - local/a      # at home"],
    ],
    [
      "adds a logical model",
      { models: { name: "embedding", list: ["local/e"] } },
      ["    embedding: [local/e]"],
      [],
    ],
  ] as const)("%s", (_what, change, came, went) => {
    const edited = editSettings(MESSY, change);

    expect(difference(MESSY, edited)).toEqual({ came, went });
    expect(parse(edited)).toEqual(parse(editSettings(edited, change)));
  });

  test("that cannot be made in passing writes the whole anew, with its remarks and the right meaning", () => {
    const flow = `# mine\n{ version: 1, models: { default: [offline/guide] } } # end\n`;
    const edited = editSettings(flow, { provider: PROVIDER, models: MODELS });

    expect(edited).toContain("# mine");
    expect(parse(edited)).toEqual({
      version: 1,
      models: { default: MODELS.list },
      providers: { openai: PROVIDER.fields },
    });
  });

  test("of a file that says nothing yet makes a whole one", () => {
    expect(parse(editSettings("", { provider: PROVIDER, models: MODELS }))).toEqual({
      ...{ version: 1, providers: { openai: PROVIDER.fields }, models: { default: MODELS.list } },
    });
    expect(editSettings("version: 1", { models: MODELS })).toBe(
      "version: 1\nmodels:\n  default: [openai/gpt-5-mini, offline/guide]\n",
    );
  });

  test("quotes what YAML would read otherwise", () => {
    const odd = {
      name: "x",
      fields: { kind: "openai-compatible", apiKey: "a: b #c", baseUrl: "http://h:1/v1" },
    };
    const edited = editSettings("version: 1\n", {
      provider: odd,
      models: { name: "default", list: ["x/a:b", "x/{c}"] },
    });

    expect(parse(edited)).toMatchObject({
      providers: { x: odd.fields },
      models: { default: ["x/a:b", "x/{c}"] },
    });
  });
});
