// Checking signatures, on the server alone: with node:crypto, which needs no trip to another thread for every digest.
import { createHmac, hash } from 'node:crypto';

import { equalInConstantTime, percentEncode } from './canonical.ts';
import { ALGORITHM_V3, canonicalRequestV3 } from './v3.ts';
import type { SignedRequestV3 } from './v3.ts';

const AMPERSAND = Buffer.from('&');

export function checkV1(secret: string | Uint8Array, stringToSign: string, signature: string): boolean {
  const key = Buffer.concat([typeof secret === 'string' ? Buffer.from(secret) : secret, AMPERSAND]);
  const expected = createHmac('sha1', key).update(stringToSign).digest('base64');
  key.fill(0);
  return equalInConstantTime(expected, signature);
}

/** What the client should have signed, if it encodes names of parameters with `encodeKey`. */
export function textToSignV3(request: SignedRequestV3, encodeKey: (key: string) => string = percentEncode): string {
  return `${ALGORITHM_V3}\n${hash('sha256', canonicalRequestV3(request, encodeKey))}`;
}

/**
 * Whether the signature is right. The vendor's current SDKs do not encode parameter names, others do; a name such as
 * `EncryptionContext.acs:ecs:disk-id` makes the difference, so both forms are accepted.
 * @param body what `contentSha256` has to be the digest of.
 * @param stringToSign `textToSignV3` of the request.
 */
export function checkV3(
  secret: string | Uint8Array,
  request: SignedRequestV3,
  body: Uint8Array,
  stringToSign: string,
  signature: string,
): boolean {
  if (request.contentSha256 !== hash('sha256', body)) return false;
  const isSigned = (text: string): boolean =>
    equalInConstantTime(createHmac('sha256', secret).update(text).digest('hex'), signature);
  if (isSigned(stringToSign)) return true;
  const plain = textToSignV3(request, (key) => key);
  return plain !== stringToSign && isSigned(plain);
}
