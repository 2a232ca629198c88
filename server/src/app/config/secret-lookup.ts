/** What is known of a secret when the settings are read. */
export type SecretFinding =
  | { readonly kind: "value"; readonly value: string }
  /** It is there, and nobody needs to know it now: `${secret:name}` stays as written. */
  | { readonly kind: "unread" }
  | { readonly kind: "missing"; readonly hint?: string }
  /** A whole sentence: why it cannot be opened, and what to do. */
  | { readonly kind: "unreadable"; readonly message: string };

export interface SecretLookup {
  find(name: string): SecretFinding;
}

/** For commands that call no model. */
export const UNREAD_SECRETS: SecretLookup = { find: () => ({ kind: "unread" }) };

export const NO_SECRETS: SecretLookup = { find: () => ({ kind: "missing" }) };
