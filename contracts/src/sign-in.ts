/** How a browser comes to act for somebody: by a link that works once. */
import type { CallOptions, Principal } from "./runtime.ts";
import type { Write } from "./store.ts";

/** A link, and once it was used the browser that is signed in by it. Neither code nor token is kept, only their hashes. */
export interface SignInRecord {
  readonly id: string;
  readonly spaceId: string;
  /** Whom the browser acts for. */
  readonly principalKind: Extract<Principal["kind"], "operator" | "key">;
  readonly principalId: string;
  /** For lists: what the link is for, then what kind of browser it is. */
  readonly name: string;
  /** SHA-256 of the link's code, hex. The code is short, so it is worth something for minutes only. */
  readonly codeHash: string;
  /** UTC milliseconds; the code is refused from then on. */
  readonly codeUntil: number;
  readonly createdAt: number;
  readonly usedAt: number | undefined;
  /** SHA-256 of the browser's token, hex; undefined until the link is used. The token has 256 random bits. */
  readonly tokenHash: string | undefined;
  /** UTC milliseconds; the browser is signed out from then on. */
  readonly until: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface SignInStore {
  /** Keeps a new link, and deletes links of its space that nobody used and whose code ended before `createdAt` minus a day. */
  put(link: SignInRecord): Write;
  /**
   * Guard `store.conflict`: there is no such code, or it was used, is late at `at`, or was revoked. Of two that use one code
   * at the same time one gets in.
   */
  use(use: {
    readonly codeHash: string;
    readonly tokenHash: string;
    readonly name: string;
    /** UTC milliseconds, as `until`. */
    readonly at: number;
    readonly until: number;
  }): Write;
  /** Ends a link or browser by its id, or all of a principal by the principal's. Does nothing where there is none left. */
  revoke(id: string, at: number): Write;
  /** Used, late and revoked ones too, so that people can be told what became of their link. */
  findByCode(codeHash: string, options: CallOptions): Promise<SignInRecord | undefined>;
  /** Ended and revoked ones too. */
  findByToken(tokenHash: string, options: CallOptions): Promise<SignInRecord | undefined>;
  /** Those that were used, oldest first. */
  list(spaceId: string, options: CallOptions): Promise<readonly SignInRecord[]>;
}
