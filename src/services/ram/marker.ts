import { decodePageToken, encodePageToken } from '../../metadata/page.ts';
import { invalid } from './refusals.ts';

/** `Marker` of a truncated list of roles: the last name shown, opaque, for the same account only. */
export function encodeMarker(accountId: string, lastName: string): string {
  return encodePageToken(scope(accountId), { createdMs: 0, id: lastName });
}

export function decodeMarker(accountId: string, marker: string): string {
  const cursor = decodePageToken(scope(accountId), marker);
  if (cursor === undefined) {
    throw invalid('Marker', 'Format', 'must be the Marker of a previous answer to ListRoles, unchanged');
  }
  return cursor.id;
}

const scope = (accountId: string): string => `ListRoles ${accountId}`;
