import { randomId, type Random } from '../../base/random.ts';
import type { Region } from './regions.ts';
import { regionOfId } from './regions.ts';

/** `d` disk, `s` snapshot, `m` image, `e` export, `t` transfer. Source: facts.md section 9; exports and transfers are our own. */
export type IdPrefix = 'd' | 's' | 'm' | 'e' | 't';

const LENGTH = 22;
const BODY = /^[a-z0-9]{20}$/;

/** A new id, `d-bp1…`: prefix, region code and random lower-case letters and digits, 22 characters in all. */
export function mintId(random: Random, prefix: IdPrefix, region: Region): string {
  const head = `${prefix}-${region.idCode}`;
  return head + randomId(random, LENGTH - head.length);
}

/** True for what `mintId` could have made. Anything else cannot exist and need not be looked up. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}-`) && BODY.test(text.slice(2)) && regionOfId(text) !== undefined;
}
