/** Image kinds that models with eyes take. Source: the vision guides of OpenAI, Anthropic and Google. */
const IMAGES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const TEXT_APPLICATIONS =
  /^application\/(?:[\w.+-]+\+)?(?:json|xml|yaml|x-yaml|toml|javascript|sql|csv|x-sh|ndjson)$/;

export function isImage(mediaType: string): boolean {
  return IMAGES.has(mediaType);
}

export function isDocument(mediaType: string): boolean {
  return mediaType === "application/pdf";
}

/** Can be given to a model as text. */
export function isTextFile(mediaType: string): boolean {
  return mediaType.startsWith("text/") || TEXT_APPLICATIONS.test(mediaType);
}

/** `image/png` of `Image/PNG; foo=bar`; undefined for what is no media type. Source: RFC 9110 §8.3.1. */
export function mediaTypeOf(header: string): string | undefined {
  const [type = ""] = header.split(";");
  const plain = type.trim().toLowerCase();
  return plain.length <= 100 && /^[a-z]+\/[a-z0-9][a-z0-9.+_-]*$/.test(plain) ? plain : undefined;
}
