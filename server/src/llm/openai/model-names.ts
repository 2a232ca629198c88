/**
 * Families of models that see images, by how their names are written everywhere. Their servers do not say it in a list, and
 * one that is asked to look without eyes refuses the whole request. `images` of the provider decides otherwise.
 */
const SEEING =
  /(?:^|[/_:-])(?:gpt-(?:4o|4\.1|4-turbo|[5-9])|chatgpt-4o|o[134](?:$|-)|claude|gemini|gemma-?[34]|grok-(?:[4-9]|2-vision)|pixtral|llava|bakllava|moondream|minicpm-v|internvl|molmo|llama-?(?:4|3\.2-vision)|mistral-(?:small|medium)-?3|phi-?(?:3\.5-vision|4-multimodal)|glm-[0-9.]+v)|vision|[-_.]vl(?:$|[-_:.0-9])|qwen[0-9.]*-?vl/i;

export function hasEyes(modelId: string): boolean {
  return SEEING.test(modelId);
}

/** Windows by family, in tokens, where nobody configured one. Sources: the model pages of the providers, November 2026. */
const WINDOWS: readonly (readonly [RegExp, number])[] = [
  [/claude/i, 200_000],
  [/gemini/i, 1_048_576],
  [/gpt-4\.1/i, 1_047_576],
  [/gpt-[5-9]/i, 400_000],
  [/(?:^|\/)o[134](?:$|-)/i, 200_000],
];

export function windowOf(modelId: string): number {
  return WINDOWS.find(([family]) => family.test(modelId))?.[1] ?? 128_000;
}
