// Who sent the request: the AccessKey's signature, in whichever of the two styles it came.
import { missingParameter } from '../api/decode.ts';
import { ApiError } from '../api/errors.ts';
import { sha256Hex } from '../api/signature/canonical.ts';
import { stringToSignV1, verifyV1 } from '../api/signature/v1.ts';
import type { SignedRequestV3 } from '../api/signature/v3.ts';
import { parseAuthorizationV3, stringToSignV3, verifyV3 } from '../api/signature/v3.ts';
import type { Exchange, FrontDoor, Step } from './exchange.ts';
import { found } from './exchange.ts';
import type { Credential } from './ports.ts';

/** What an accepted signature says. */
interface Signed {
  readonly accessKeyId: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly securityToken: string | undefined;
  readonly stringToSign: string;
  verify(secret: string | Uint8Array): Promise<boolean>;
}

export const verifySignature: Step = async (exchange, door) => {
  const signed = exchange.style === 'V3' ? await readV3(exchange) : readV1(exchange);
  const credential = await findCredential(door, signed.accessKeyId);
  const { secret } = credential;
  try {
    if (!(await signed.verify(secret))) throw signatureDoesNotMatch(signed.stringToSign);
  } finally {
    if (typeof secret !== 'string') secret.fill(0);
  }
  if (!credential.active) {
    throw new ApiError(
      'InvalidAccessKeyId.Inactive',
      400,
      'This AccessKey is switched off. Use another, or activate it.',
    );
  }
  checkSecurityToken(signed);
  exchange.caller = { ...credential.caller, sourceIp: exchange.http.sourceIp };
  exchange.accountRegionId = credential.regionId;
  exchange.timestamp = signed.timestamp;
  exchange.nonce = signed.nonce;
};

async function findCredential(door: FrontDoor, accessKeyId: string): Promise<Credential> {
  const credential = await door.credentials.find(accessKeyId);
  if (credential !== undefined) return credential;
  throw new ApiError(
    'InvalidAccessKeyId.NotFound',
    404,
    'There is no AccessKey with this id. Check the id, and the server.',
  );
}

function signatureDoesNotMatch(stringToSign: string): ApiError {
  // Python's SDK splits this message at the first colon, and Go's compares what follows with its own string.
  return new ApiError(
    'SignatureDoesNotMatch',
    400,
    `The signature is not the one computed here; check the AccessKey secret. server string to sign is:${stringToSign}`,
  );
}

/** No AccessKey here is temporary, so one that comes with a token is not what the client takes it for. */
function checkSecurityToken({ securityToken }: Signed): void {
  if (securityToken === undefined || securityToken === '') return;
  throw new ApiError(
    'InvalidSecurityToken.MismatchWithAccessKey',
    400,
    'The security token does not belong to this AccessKey. Send the request without a token.',
  );
}

function readV1(exchange: Exchange): Signed {
  const parameters = found(exchange.parameters);
  const required = (name: string): string => {
    const value = parameters.get(name);
    if (value === undefined || value === '') throw missingParameter(name);
    return value;
  };
  const accessKeyId = required('AccessKeyId');
  const signature = required('Signature');
  const timestamp = required('Timestamp');
  const nonce = required('SignatureNonce');
  if (required('SignatureMethod').toUpperCase() !== 'HMAC-SHA1') {
    throw new ApiError('InvalidParameter', 400, 'The parameter "SignatureMethod" must be HMAC-SHA1.');
  }
  if (required('SignatureVersion') !== '1.0') {
    throw new ApiError('InvalidParameter', 400, 'The parameter "SignatureVersion" must be 1.0.');
  }
  if ((parameters.get('SignatureType') ?? '') !== '') {
    throw new ApiError(
      'InvalidParameter',
      400,
      'The parameter "SignatureType" must be empty: only AccessKeys are accepted.',
    );
  }
  const stringToSign = stringToSignV1(exchange.http.method, parameters);
  return {
    accessKeyId,
    timestamp,
    nonce,
    securityToken: parameters.get('SecurityToken'),
    stringToSign,
    verify: (secret) => verifyV1(secret, stringToSign, signature),
  };
}

/** Headers that decide something here, so they must be under the signature. */
const MUST_BE_SIGNED = ['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce'];
const SIGNED_IF_SENT = ['x-acs-security-token'];

async function readV3(exchange: Exchange): Promise<Signed> {
  const { http } = exchange;
  const authorization = parseAuthorizationV3(http.headers.get('authorization') ?? '');
  if (authorization === undefined) {
    throw new ApiError(
      'IncompleteSignature',
      400,
      'The Authorization header must be: ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=… (lower-case hex).',
    );
  }
  const required = (name: string): string => {
    const value = http.headers.get(name);
    if (value === undefined || value === '') throw missingParameter(name);
    return value;
  };
  const timestamp = required('x-acs-date');
  const nonce = required('x-acs-signature-nonce');
  const contentSha256 = required('x-acs-content-sha256');
  const { signedHeaders } = authorization;
  const sent = SIGNED_IF_SENT.filter((name) => http.headers.has(name));
  const unsigned = [...MUST_BE_SIGNED, ...sent].find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) {
    throw new ApiError('IncompleteSignature', 400, `The header "${unsigned}" must be among the SignedHeaders.`);
  }
  const request: SignedRequestV3 = {
    method: http.method,
    path: http.path,
    query: found(exchange.query),
    headers: http.headers,
    signedHeaders,
    contentSha256,
  };
  const stringToSign = await stringToSignV3(request);
  return {
    accessKeyId: authorization.accessKeyId,
    timestamp,
    nonce,
    securityToken: http.headers.get('x-acs-security-token'),
    stringToSign,
    verify: async (secret) =>
      contentSha256 === (await sha256Hex(http.body)) && (await verifyV3(secret, request, authorization.signature)),
  };
}
