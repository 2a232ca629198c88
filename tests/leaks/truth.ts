// What everybody really knows, kept by whoever makes the people and their talk. Nothing here asks the product.

/** A word that stands for a secret, a name as rules read names: no other text holds one like it, nor any id, for those have no `u`. */
const SECRET = /zqu[a-j]+z/gi;

/** Digits as letters. */
const secretOf = (n: number): string =>
  `Zqu${[...String(n)].map((digit) => "abcdefghij"[Number(digit)]).join("")}z`;

export type Circle = ReadonlySet<string>;

/** A secret that reached people who do not know it. */
export interface Leak {
  readonly secret: string;
  /** By which way out. */
  readonly where: string;
  /** Who read it and should not have. */
  readonly readers: readonly string[];
  /** When, as a number of the thing that was done. */
  readonly at: number;
}

export interface Truth {
  /** A new secret of this circle, or one that another circle is told too. */
  tell(circle: Iterable<string>, secret?: string): string;
  /** Secrets that every one of these people knows; for people who talk of what they know. */
  knownTo(readers: Iterable<string>): readonly string[];
  /** These two are one human from now on: each knows what the other does, until it is undone. */
  link(one: string, other: string): void;
  /** Ends all links of this one. What was said to them meanwhile they have heard. */
  unlink(one: string): void;
  /** Looks at a text that all of `readers` see. Returns how many secrets it holds. */
  look(text: string, readers: Iterable<string>, where: string, at: number): number;
  /** Looks at a text that one reader sees who is all of these people: it holds nothing that none of them knows. */
  lookAsOne(text: string, people: readonly string[], where: string, at: number): number;
  readonly leaks: readonly Leak[];
  /** Secrets that were seen by people who know them. */
  readonly seen: number;
  readonly secrets: number;
}

export function createTruth(): Truth {
  const knowers = new Map<string, Set<string>>();
  const leaks: Leak[] = [];
  let links: (readonly [string, string])[] = [];
  let seen = 0;
  return {
    leaks,
    get seen() {
      return seen;
    },
    get secrets() {
      return knowers.size;
    },
    tell(circle, secret = secretOf(knowers.size)) {
      const known = knowers.get(secret) ?? new Set();
      for (const person of circle) known.add(person);
      knowers.set(secret, known);
      return secret;
    },
    knownTo(readers) {
      const all = [...readers];
      return [...knowers].flatMap(([secret, known]) => (all.every((one) => known.has(one)) ? [secret] : []));
    },
    link: (one, other) => void links.push([one, other]),
    unlink(one) {
      links = links.filter((link) => !link.includes(one));
    },
    look(text, readers, where, at) {
      const all = [...readers];
      const secrets = secretsIn(text);
      for (const secret of secrets) {
        const known = knowers.get(secret);
        const strangers = all.filter((one) => !selvesOf(one, links).some((self) => known?.has(self)));
        if (strangers.length === 0) {
          seen += 1;
          for (const one of all) known?.add(one);
        } else leaks.push({ secret, where, readers: strangers, at });
      }
      return secrets.length;
    },
    lookAsOne(text, people, where, at) {
      const secrets = secretsIn(text);
      for (const secret of secrets) {
        const known = knowers.get(secret);
        const isKnown = people.some((one) => selvesOf(one, links).some((self) => known?.has(self)));
        if (isKnown) seen += 1;
        else leaks.push({ secret, where, readers: people, at });
      }
      return secrets.length;
    },
  };
}

/** Everybody that this one is, over however many links. */
function selvesOf(one: string, links: readonly (readonly [string, string])[]): readonly string[] {
  const selves = new Set([one]);
  for (const self of selves)
    for (const link of links) if (link.includes(self)) for (const name of link) selves.add(name);
  return [...selves];
}

/** The secrets that stand in a text, each once. */
export function secretsIn(text: string): readonly string[] {
  // Ids are capitals and digits, and hold such letters by chance.
  const said = [...text.matchAll(SECRET)].filter(([word]) => word !== word.toUpperCase());
  const found = said.map(([secret]) => `Z${secret.slice(1).toLowerCase()}`);
  return [...new Set(found)];
}
