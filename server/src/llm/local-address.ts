/** Host of an address; undefined where there is none to read. */
export function addressOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}

/** This machine or a private network. Source: RFC 1918, RFC 4193, RFC 6762. */
const OWN =
  /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+|f[cd][0-9a-f]{2}:.*|[^.:]+|.+\.(local|internal|lan|localhost))$/i;

export function isOfThisNetwork(host: string | undefined): boolean {
  return host !== undefined && OWN.test(host);
}
