import { call } from "./call.ts";
import type { Me } from "./types.ts";

/** Exchanges a link's code for a cookie. */
export async function exchangeCode(code: string): Promise<void> {
  await call("POST", "/api/sign-in", { body: { code } });
}

export function whoAmI(): Promise<Me> {
  return call<Me>("GET", "/api/me");
}

export async function signOut(): Promise<void> {
  await call("DELETE", "/api/sign-in");
}

/** The code of the link that opened the page. It leaves the address at once: it works once, and addresses are remembered. */
export function takeCodeFromAddress(): string | undefined {
  const url = new URL(location.href);
  const code = url.searchParams.get("start") ?? undefined;
  if (code !== undefined) {
    url.searchParams.delete("start");
    history.replaceState(null, "", url);
  }
  return code;
}
