import type { Product } from '../api/action.ts';
import { ApiError } from '../api/errors.ts';

/**
 * "Come back later", as the vendor's clients understand it: they look for `Throttling` in the code and wait as long as the
 * header `x-acs-retry-after` says. Source: wire.md 3.5; KMS API reference, common errors.
 * @param whose `User` for an account or address as a whole, `Api` for one operation.
 */
export function throttled(product: Product | undefined, whose: 'User' | 'Api', waitMs: number, why: string): ApiError {
  const [code, status] =
    product === 'kms' ? (['Rejected.Throttling', 429] as const) : ([`Throttling.${whose}`, 400] as const);
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  return new ApiError(code, status, `${why} Try again in ${retryAfterMs} ms.`, { retryAfterMs });
}
