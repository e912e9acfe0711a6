import { timingSafeEqual } from 'node:crypto';

/** Compares without telling, by the time it takes, where two values differ. Their lengths are not secret. */
export function equalInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
