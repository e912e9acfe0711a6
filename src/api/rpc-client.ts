// Calls an operation of any product, signed with V3. Only web-standard globals: the console calls with this too.
import { sha256Hex } from './signature/canonical.ts';
import { authorizationV3, signV3, stringToSignV3 } from './signature/v3.ts';

export interface RpcEndpoint {
  /** `host:port`. */
  readonly address: string;
  /** Plain HTTP without it. */
  readonly https?: boolean;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of a temporary AccessKey. */
  readonly securityToken?: string;
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
 * @param form parameters that travel in the body: long ones, and secrets, which do not belong into an address.
 * @throws {RpcRefusal} the server answered an error.
 * @throws {TypeError} nobody answers (as `fetch` says it).
 */
export async function callRpc<Answer>(
  endpoint: RpcEndpoint,
  version: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
  date: string,
  form: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = new URLSearchParams(form).toString();
  const contentSha256 = await sha256Hex(body);
  const headers = new Map([
    ['host', endpoint.address],
    ['x-acs-action', action],
    ['x-acs-content-sha256', contentSha256],
    ['x-acs-date', date],
    ['x-acs-signature-nonce', crypto.randomUUID()],
    ['x-acs-version', version],
    ...(endpoint.securityToken ? ([['x-acs-security-token', endpoint.securityToken]] as const) : []),
    ...(body === '' ? [] : ([['content-type', 'application/x-www-form-urlencoded']] as const)),
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
  const response = await fetch(
    `${endpoint.https ? 'https' : 'http'}://${endpoint.address}/?${new URLSearchParams(query).toString()}`,
    {
      method: 'POST',
      headers: { ...Object.fromEntries(headers), authorization },
      ...(body === '' ? {} : { body }),
    },
  );
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.ok) return answer as Answer;
  throw new RpcRefusal(response.status, String(answer['Code']), String(answer['Message']), String(answer['RequestId']));
}
