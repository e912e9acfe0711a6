// The description of the API surface: which actions there are, and the shape of what goes in and out.
// The instances are in generated/, written by spec/generate.ts.
import type { Product } from './action.ts';

/**
 * The shape of one value, written as data:
 *
 *     'string' | 'number' | 'boolean'
 *     'map'                  string keys and values; on the wire one JSON object, or `Name.key=value` for each entry
 *     [shape]                a list; on the wire `Name.1`, `Name.2`, …
 *     { Member: shape, … }   a structure; on the wire `Name.Member`
 */
export type Shape = 'string' | 'number' | 'boolean' | 'map' | readonly [Shape] | Members;

export interface Members {
  readonly [name: string]: Shape;
}

export interface ActionDescription {
  readonly request: Members;
  readonly response: Members;
  /** Parameters without which the call is refused, in the order in which they are asked for. */
  readonly required: readonly string[];
  /** Strings for which an empty value means "empty"; for all others it means "not given". */
  readonly keepEmpty: readonly string[];
  /** Error codes that differ from `MissingParameter`, by parameter. */
  readonly missingCode: Readonly<Record<string, string>>;
  /** Error codes that differ from `InvalidParameter` for a value of the wrong form, by parameter. */
  readonly malformedCode: Readonly<Record<string, string>>;
  /** Error code while a call with the same `ClientToken` is running. */
  readonly idempotentRunningCode: string;
  /** HTTP status of `IdempotentParameterMismatch`. */
  readonly idempotentMismatchStatus: number;
}

export interface ProductDescription {
  readonly product: Product;
  /** The date that clients send as `Version`. */
  readonly version: string;
  readonly actions: Readonly<Record<string, ActionDescription>>;
  /** Names that the vendor's product knows and Sealdisk does not do (yet). */
  readonly otherActions: readonly string[];
}

export function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

export function isStructure(shape: Shape): shape is Members {
  return typeof shape === 'object' && !Array.isArray(shape);
}
