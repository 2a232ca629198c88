/** Where a person on this machine opens the page: an address for all is written as one that works here. */
export function pageAddress(
  opened: string | undefined,
  configured: { readonly host: string; readonly port: number },
): string {
  const address = opened ?? `http://${configured.host}:${configured.port}`;
  return address
    .replace("//0.0.0.0:", "//127.0.0.1:")
    .replace("//[::]:", "//[::1]:")
    .replace("//:::", "//[::1]:");
}
