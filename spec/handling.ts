// What happens to parameters that are described but do not do what the vendor says they do: spec/handling.json.
import { readFileSync } from 'node:fs';

import type { Product } from '../src/api/action.ts';

/** A parameter that makes the operation fail. */
export interface Refused {
  /** One that is refused; others, said in `why`, may be accepted. */
  readonly value: string;
  /** The name on the wire, where it is not the parameter's own. */
  readonly as?: string;
  readonly why: string;
}

export interface Handling {
  readonly refused?: Readonly<Record<string, Refused>>;
  /** Accepted without effect, and why. */
  readonly ignored?: Readonly<Record<string, string>>;
}

type Table = Partial<Record<Product, Readonly<Record<string, Handling>>>>;

const TABLE = JSON.parse(readFileSync(new URL('handling.json', import.meta.url), 'utf8')) as Table;

/** Empty for an operation that does everything with its parameters that the vendor's does. */
export function handlingOf(product: Product, action: string): Handling {
  return TABLE[product]?.[action] ?? {};
}

/** Operations that the table names, to find those that do not exist. */
export function handledActions(product: Product): readonly string[] {
  return Object.keys(TABLE[product] ?? {});
}
