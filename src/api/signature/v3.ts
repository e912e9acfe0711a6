// ACS3-HMAC-SHA256: a signature over method, path, query, chosen headers and the digest of the body, in the
// `Authorization` header. Source: docs/protocols/rpc.md, Signatures. START HERE for current SDKs.
import { canonicalQuery, hmac, percentEncode, sha256Hex, toHex } from './canonical.ts';

export const ALGORITHM_V3 = 'ACS3-HMAC-SHA256';

/** What a V3 signature covers. */
export interface SignedRequestV3 {
  readonly method: string;
  readonly path: string;
  /** The query, decoded. Form parameters are covered by `contentSha256`. */
  readonly query: Iterable<readonly [string, string]>;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Lower-case, sorted. */
  readonly signedHeaders: readonly string[];
  /** Lower-case hex SHA-256 of the body. */
  readonly contentSha256: string;
}

export interface AuthorizationV3 {
  readonly accessKeyId: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

export function canonicalRequestV3(
  request: SignedRequestV3,
  encodeKey: (key: string) => string = percentEncode,
): string {
  const headerLines = request.signedHeaders.map((name) => `${name}:${(request.headers.get(name) ?? '').trim()}\n`);
  return [
    request.method,
    request.path,
    canonicalQuery(request.query, encodeKey),
    headerLines.join(''),
    request.signedHeaders.join(';'),
    request.contentSha256,
  ].join('\n');
}

export async function stringToSignV3(
  request: SignedRequestV3,
  encodeKey: (key: string) => string = percentEncode,
): Promise<string> {
  return `${ALGORITHM_V3}\n${await sha256Hex(canonicalRequestV3(request, encodeKey))}`;
}

/** Lower-case hex of the MAC. The key is the bare secret. */
export async function signV3(secret: string | Uint8Array, stringToSign: string): Promise<string> {
  return toHex(await hmac('SHA-256', secret, '', stringToSign));
}

/** Reads the `Authorization` header; undefined when it is not of this form. */
export function parseAuthorizationV3(header: string): AuthorizationV3 | undefined {
  const match =
    /^ACS3-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]+)\s*$/.exec(
      header,
    );
  const [, accessKeyId, signedHeaders, signature] = match ?? [];
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

export function authorizationV3({ accessKeyId, signedHeaders, signature }: AuthorizationV3): string {
  return `${ALGORITHM_V3} Credential=${accessKeyId},SignedHeaders=${signedHeaders.join(';')},Signature=${signature}`;
}
