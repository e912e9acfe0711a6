import { compileStatement } from './compile.ts';
import type { Rule } from './compile.ts';
import { parsePolicy, parseTrustPolicy } from './document.ts';
import { compileKeyPolicy } from './key-policy.ts';
import type { KeyRule } from './key-policy.ts';
import type { TrustStatement } from './document.ts';

/** About 340 documents of the greatest size, or thousands of the usual one; what is parsed takes about ten times this. */
const CHARACTERS_MAX = 2 * 1024 * 1024;

/**
 * Documents that were parsed, found by their text. What is found is always what the text says, so that a changed policy
 * counts from the next call without anybody having to tell. The documents longest unused are forgotten first.
 */
export class PolicyDocuments {
  readonly #policies = new ParsedTexts((text) => parsePolicy(text).map(compileStatement));
  readonly #trustPolicies = new ParsedTexts(parseTrustPolicy);
  readonly #keyPolicies = new ParsedTexts(compileKeyPolicy);

  /** @throws {PolicySyntaxError} */
  policy(text: string): readonly Rule[] {
    return this.#policies.get(text);
  }

  /** @throws {PolicySyntaxError} */
  trustPolicy(text: string): readonly TrustStatement[] {
    return this.#trustPolicies.get(text);
  }

  /** @throws {PolicySyntaxError} */
  keyPolicy(text: string): readonly KeyRule[] {
    return this.#keyPolicies.get(text);
  }
}

class ParsedTexts<Parsed> {
  readonly #parse: (text: string) => Parsed;
  /** In the order of their last use. */
  readonly #parsed = new Map<string, Parsed>();
  #characters = 0;

  constructor(parse: (text: string) => Parsed) {
    this.#parse = parse;
  }

  get(text: string): Parsed {
    const known = this.#parsed.get(text);
    const parsed = known ?? this.#parse(text);
    if (known === undefined) this.#makeRoom(text.length);
    else this.#parsed.delete(text);
    this.#parsed.set(text, parsed);
    return parsed;
  }

  #makeRoom(characters: number): void {
    this.#characters += characters;
    for (const text of this.#parsed.keys()) {
      if (this.#characters <= CHARACTERS_MAX) return;
      this.#parsed.delete(text);
      this.#characters -= text.length;
    }
  }
}
