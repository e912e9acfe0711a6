// Who sent the request: the AccessKey's signature, in whichever of the two styles it came.
import { missingParameter } from '../api/decode.ts';
import { ApiError } from '../api/errors.ts';
import { checkV1, checkV3, textToSignV3 } from '../api/signature/check.ts';
import { stringToSignV1 } from '../api/signature/v1.ts';
import type { SignedRequestV3 } from '../api/signature/v3.ts';
import { parseAuthorizationV3 } from '../api/signature/v3.ts';
import { unreachable } from '../base/assert.ts';
import type { Exchange, FrontDoor, Step } from './exchange.ts';
import { found } from './exchange.ts';
import type { Credential, TokenRefusal } from './ports.ts';

/** What an accepted signature says. */
interface Signed {
  readonly accessKeyId: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly securityToken: string | undefined;
  readonly stringToSign: string;
  verify(secret: string | Uint8Array): boolean;
}

/** The vendor's clients send these without a signature. */
const UNSIGNED = ['AssumeRoleWithSAML', 'AssumeRoleWithOIDC'];

export const verifySignature: Step = async (exchange, door) => {
  if (exchange.product === 'sts' && UNSIGNED.includes(exchange.actionName ?? '')) throw noIdentityProviders();
  const signed = exchange.style === 'V3' ? readV3(exchange) : readV1(exchange);
  const credential = await provenCredential(exchange, door, signed);
  if (!credential.active) {
    throw new ApiError(
      'InvalidAccessKeyId.Inactive',
      400,
      'This AccessKey is switched off. Use another, or activate it.',
    );
  }
  if (credential.ended !== undefined) throw sessionOver(credential.ended);
  if (credential.caller.session === undefined) refuseToken(signed);
  const { sourceIp, secureTransport } = exchange.http;
  exchange.caller = { ...credential.caller, sourceIp, secureTransport };
  exchange.accountRegionId = credential.regionId;
  exchange.timestamp = signed.timestamp;
  exchange.nonce = signed.nonce;
};

/** The credential that the request was signed with. What it says of itself is told to nobody else. */
async function provenCredential(exchange: Exchange, door: FrontDoor, signed: Signed): Promise<Credential> {
  const { accessKeyId, securityToken, stringToSign } = signed;
  const answer = await door.credentials.find(accessKeyId, securityToken);
  const known = answer !== undefined && 'secret' in answer ? answer : undefined;
  const guess = door.guesses.begin(exchange.http.sourceIp, known?.caller.accessKeyId, exchange.product);
  // Without a known AccessKey the same work is done with a secret that is nobody's.
  const secret = known?.secret ?? NOBODYS_SECRET.slice();
  let isRight: boolean;
  try {
    isRight = signed.verify(secret);
  } finally {
    if (typeof secret !== 'string') secret.fill(0);
  }
  if (known !== undefined && isRight) {
    guess.right();
    return known;
  }
  await guess.wrong();
  if (known !== undefined) throw signatureDoesNotMatch(stringToSign);
  throw answer === undefined || 'secret' in answer ? unknownAccessKey() : tokenRefused(answer);
}

const NOBODYS_SECRET = new Uint8Array(30).fill(0x78);

function noIdentityProviders(): ApiError {
  return new ApiError(
    'InvalidAction.NotFound',
    404,
    'Sealdisk does not take the word of an identity provider. Assume the role with an AccessKey: AssumeRole.',
  );
}

function unknownAccessKey(): ApiError {
  return new ApiError(
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

/** Source of the codes: wire.md 2.4. */
function tokenRefused({ token }: TokenRefusal): ApiError {
  switch (token) {
    case 'missing':
      return new ApiError(
        'MissingSecurityToken',
        400,
        'A temporary AccessKey comes with a security token. Send the one that AssumeRole answered with it.',
      );
    case 'malformed':
      return new ApiError(
        'InvalidSecurityToken.Malformed',
        400,
        'This security token is not one that the server has issued. Send it as AssumeRole answered it, unchanged.',
      );
    case 'mismatch':
      return tokenMismatch('Send the token that AssumeRole answered together with this AccessKey.');
    default:
      return unreachable(token);
  }
}

function sessionOver(ended: 'expired' | 'revoked'): ApiError {
  return new ApiError(
    'InvalidSecurityToken.Expired',
    400,
    ended === 'expired'
      ? 'The security token has expired. Assume the role again.'
      : 'The session was ended: its role is gone, no longer trusts who assumed it, or its sessions were revoked. Assume the role again, if it still lets you.',
  );
}

/** A permanent AccessKey that comes with a token is not what the client takes it for. */
function refuseToken({ securityToken }: Signed): void {
  if (securityToken === undefined || securityToken === '') return;
  throw tokenMismatch('Send the request without a token.');
}

function tokenMismatch(advice: string): ApiError {
  return new ApiError(
    'InvalidSecurityToken.MismatchWithAccessKey',
    400,
    `The security token does not belong to this AccessKey. ${advice}`,
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
    verify: (secret) => checkV1(secret, stringToSign, signature),
  };
}

/** Headers that decide something here, so they must be under the signature. */
const MUST_BE_SIGNED = ['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce'];
const SIGNED_IF_SENT = ['x-acs-security-token'];

function readV3(exchange: Exchange): Signed {
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
  const stringToSign = textToSignV3(request);
  return {
    accessKeyId: authorization.accessKeyId,
    timestamp,
    nonce,
    securityToken: http.headers.get('x-acs-security-token'),
    stringToSign,
    verify: (secret) => checkV3(secret, request, http.body, stringToSign, authorization.signature),
  };
}
