/**
 * Tokens of a text, or of one in UTF-8, estimated without a tokenizer: about four bytes of UTF-8 a token for Latin text, and about two
 * characters a token elsewhere, which UTF-8 length reflects. Errs on the high side; the provider's usage is the truth.
 */
export function estimateTokens(text: string | Buffer): number {
  return Math.ceil(Buffer.byteLength(text) / 3.5) + 1;
}
