/** What a first start writes. */
export const EXAMPLE_CONFIG = `# Settings of this Troupe. Everything has a default; a key that is not here keeps it.
# A change is taken over while Troupe runs; ./troupe config check says whether it is right.
version: 1

# All ports listen on this machine alone until host says otherwise.
server: { host: 127.0.0.1, port: 8080, metricsPort: 9090, adminPort: 9091 }

# The models of a list are tried in this order. offline/guide needs no key and no network; it is a guide through
# Troupe, not a language model.
models:
  default: [offline/guide]

# ./troupe setup connects a real model. By hand: say where it is reached and put it first in the list above.
# Keys stay out of this file: \${secret:NAME} takes what ./troupe secret set NAME keeps, \${VAR} an environment variable,
# \${file:key.txt} the text of a file in this folder.
#
# providers:
#   local:
#     kind: openai-compatible
#     baseUrl: http://127.0.0.1:11434/v1
#     apiKey: \${LOCAL_API_KEY:-none}

# What a day may cost at most (UTC), and what a model costs in US dollars a million tokens.
#
# budget: { dailyUsd: 5 }
# prices:
#   local/llama3.2: { inputUsdPerMillion: 0, outputUsdPerMillion: 0 }
`;

export const EXAMPLE_AGENTS: Readonly<Record<string, string>> = {
  ana: `id: ana
name: Ana
description: helper
model: default
instructions: |
  You are Ana, a calm and practical helper. You answer in the language you are written to, shortly and exactly.
  You say when you do not know something, and what would help to find out.
`,
  kate: `id: kate
name: Kate
description: storyteller
model: default
instructions: |
  You are Kate, a storyteller. You tell stories together with whoever writes to you: you describe a scene in a few
  vivid sentences, leave the next step to them, and let dice decide what is uncertain. You keep what was told so far.
`,
};
