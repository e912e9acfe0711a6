import { PolicySyntaxError } from './syntax-error.ts';
import type { Position } from './syntax-error.ts';

/** JSON with the place of every value, so that a refusal can point at it. */
export type JsonNode = { readonly at: Position } & (
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, JsonMember> }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
);

export interface JsonMember {
  readonly at: Position;
  readonly value: JsonNode;
}

const DEPTH_MAX = 16;

/**
 * Parses RFC 8259 JSON, except that a name twice in one object is refused: two readers of such a policy could see
 * two different policies.
 * @throws {PolicySyntaxError}
 */
export function parseJsonTree(text: string): JsonNode {
  const parser = new Parser(text);
  const root = parser.value(0);
  parser.end();
  return root;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// eslint-disable-next-line no-control-regex -- JSON forbids raw control characters in strings.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

class Parser {
  readonly #text: string;
  #offset = 0;
  /** The line that the last position was in, where it begins and ends. Positions are asked for in order. */
  #line = 1;
  #lineStart = 0;
  #lineEnd: number;

  constructor(text: string) {
    this.#text = text;
    this.#lineEnd = this.#endOfLine();
  }

  value(depth: number): JsonNode {
    if (depth > DEPTH_MAX) throw this.#error(`The document is nested more than ${DEPTH_MAX} deep`);
    this.#match(SPACE);
    const at = this.#position();
    const next = this.#text[this.#offset];
    if (next === '{') return { kind: 'object', at, members: this.#members(depth) };
    if (next === '[') return { kind: 'array', at, items: this.#items(depth) };
    if (next === '"') return { kind: 'string', at, value: this.#string() };
    const word = this.#match(WORD);
    if (word === 'null') return { kind: 'null', at };
    if (word !== undefined) return { kind: 'boolean', at, value: word === 'true' };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: 'number', at, value: Number(number), text: number };
    throw this.#unexpected('a value');
  }

  end(): void {
    this.#match(SPACE);
    if (this.#offset < this.#text.length) throw this.#unexpected('the end of the document');
  }

  #members(depth: number): Map<string, JsonMember> {
    const members = new Map<string, JsonMember>();
    this.#offset += 1;
    if (this.#take('}')) return members;
    do {
      this.#match(SPACE);
      const at = this.#position();
      if (this.#text[this.#offset] !== '"') throw this.#unexpected('a name in double quotes');
      const name = this.#string();
      if (members.has(name)) throw new PolicySyntaxError(`The name ${JSON.stringify(name)} appears twice`, at);
      if (!this.#take(':')) throw this.#unexpected("':'");
      members.set(name, { at, value: this.value(depth + 1) });
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#unexpected("',' or '}'");
    return members;
  }

  #items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    this.#offset += 1;
    if (this.#take(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#take(','));
    if (!this.#take(']')) throw this.#unexpected("',' or ']'");
    return items;
  }

  #string(): string {
    const literal = this.#match(STRING);
    if (literal === undefined)
      throw this.#error('This text in double quotes is not closed, or holds a character that needs a backslash');
    return JSON.parse(literal) as string;
  }

  #take(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#offset] !== character) return false;
    this.#offset += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0];
    this.#offset += found?.length ?? 0;
    return found;
  }

  #unexpected(wanted: string): PolicySyntaxError {
    const next = this.#text[this.#offset];
    const found = next === undefined ? 'the end' : next === '"' ? 'a double quote' : JSON.stringify(next);
    return this.#error(`Expected ${wanted}, found ${found}`);
  }

  #error(problem: string): PolicySyntaxError {
    return new PolicySyntaxError(problem, this.#position());
  }

  #position(): Position {
    while (this.#lineEnd < this.#offset) {
      this.#line += 1;
      this.#lineStart = this.#lineEnd + 1;
      this.#lineEnd = this.#endOfLine();
    }
    return { line: this.#line, column: this.#offset - this.#lineStart + 1 };
  }

  #endOfLine(): number {
    const end = this.#text.indexOf('\n', this.#lineStart);
    return end < 0 ? this.#text.length : end;
  }
}
