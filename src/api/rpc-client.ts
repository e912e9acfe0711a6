// Calls an operation of any product, signed with V3. Only web-standard globals: the console calls with this too.
import { sha256Hex } from './signature/canonical.ts';
import { authorizationV3, signV3, stringToSignV3 } from './signature/v3.ts';

export interface RpcEndpoint {
  /** `host:port` of a server that speaks plain HTTP. */
  readonly address: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** A refusal as the server worded it. */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal';
  readonly httpStatus: number;
  readonly code: string;
  readonly requestId: string;

  constructor(httpStatus: number, code: string, message: string, requestId: string) {
    super(message);
    this.httpStatus = httpStatus;
    this.code = code;
    this.requestId = requestId;
  }
}

/**
 * Answers the body.
 * @param version of the product, such as `2014-05-26`.
 * @param date `yyyy-MM-ddTHH:mm:ssZ`.
 * @throws {RpcRefusal} the server answered an error.
 * @throws {TypeError} nobody answers (as `fetch` says it).
 */
export async function callRpc<Answer>(
  endpoint: RpcEndpoint,
  version: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
  date: string,
): Promise<Answer> {
  const contentSha256 = await sha256Hex('');
  const headers = new Map([
    ['host', endpoint.address],
    ['x-acs-action', action],
    ['x-acs-content-sha256', contentSha256],
    ['x-acs-date', date],
    ['x-acs-signature-nonce', crypto.randomUUID()],
    ['x-acs-version', version],
  ]);
  const query = Object.entries(parameters);
  const signedHeaders = [...headers.keys()].toSorted();
  const stringToSign = await stringToSignV3({
    method: 'POST',
    path: '/',
    query,
    headers,
    signedHeaders,
    contentSha256,
  });
  const signature = await signV3(endpoint.accessKeySecret, stringToSign);
  const authorization = authorizationV3({ accessKeyId: endpoint.accessKeyId, signedHeaders, signature });
  const response = await fetch(`http://${endpoint.address}/?${new URLSearchParams(query).toString()}`, {
    method: 'POST',
    headers: { ...Object.fromEntries(headers), authorization },
  });
  const body = (await response.json()) as Record<string, unknown>;
  if (response.ok) return body as Answer;
  throw new RpcRefusal(response.status, String(body['Code']), String(body['Message']), String(body['RequestId']));
}
