import { createHash } from 'node:crypto';

/** A place in a list that is ordered by creation, newest first: the last row that was seen. */
export interface Cursor {
  readonly createdMs: number;
  readonly id: string;
}

/** Which part of a list: by page number, or after a cursor (stable while rows come and go). */
export type Page =
  | { readonly kind: 'offset'; readonly offset: number; readonly limit: number }
  | { readonly kind: 'cursor'; readonly after?: Cursor | undefined; readonly limit: number };

export interface Listed<Row> {
  readonly rows: Row[];
  /** How many match the filter, on all pages. */
  readonly totalCount: number;
  /** Where the next page starts; absent on the last one. */
  readonly next?: Cursor;
}

/**
 * `NextToken` on the wire: opaque to clients, bound to `scope` (operation, account, region), so that a token of one list
 * is refused by another.
 */
export function encodePageToken(scope: string, cursor: Cursor): string {
  return Buffer.from(JSON.stringify([digest(scope), cursor.createdMs, cursor.id])).toString('base64url');
}

/** Undefined: not a token of this scope. */
export function decodePageToken(scope: string, token: string): Cursor | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [scopeDigest, createdMs, id] = parts as unknown[];
  if (scopeDigest !== digest(scope) || !Number.isSafeInteger(createdMs) || typeof id !== 'string') return undefined;
  return { createdMs: createdMs as number, id };
}

function digest(scope: string): string {
  return createHash('sha256').update(scope).digest('base64url').slice(0, 12);
}
