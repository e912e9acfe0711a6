// Signature version 1.0, HMAC-SHA1 over all parameters. Source: docs/protocols/rpc.md, Signatures.
// START HERE for older SDKs, the aliyun CLI and terraform.
import { canonicalQuery, hmac, percentEncode, toBase64 } from './canonical.ts';

/**
 * @param method the HTTP method.
 * @param parameters query and form merged, decoded; `Signature` itself is left out here.
 */
export function stringToSignV1(method: string, parameters: ReadonlyMap<string, string>): string {
  const signed = [...parameters].filter(([name]) => name !== 'Signature');
  return `${method}&${percentEncode('/')}&${percentEncode(canonicalQuery(signed))}`;
}

/** Base64 of the MAC. The key is the secret with `&` appended. */
export async function signV1(secret: string | Uint8Array, stringToSign: string): Promise<string> {
  return toBase64(await hmac('SHA-1', secret, '&', stringToSign));
}
