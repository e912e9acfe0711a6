import { randomUUID } from 'node:crypto';

import { sha256Hex } from '../api/signature/canonical.ts';
import { authorizationV3, signV3, stringToSignV3 } from '../api/signature/v3.ts';
import { isoSeconds } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { RefusedError } from './failure.ts';
import { findServer, localCredentials } from './server-location.ts';

const SEALDISK_VERSION = '2026-11-23';

/**
 * Calls an operation of the product Sealdisk on the running server, signed like any other client.
 * @throws {RefusedError} what the server refused; {SystemError} no server, no credentials.
 */
export async function callSealdisk<Answer>(
  dataDirectory: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { api } = await findServer(dataDirectory);
  const { accessKeyId, accessKeySecret } = localCredentials(dataDirectory);
  const contentSha256 = await sha256Hex('');
  const headers = new Map([
    ['host', api],
    ['x-acs-action', action],
    ['x-acs-content-sha256', contentSha256],
    ['x-acs-date', isoSeconds(systemClock.nowMs())],
    ['x-acs-signature-nonce', randomUUID()],
    ['x-acs-version', SEALDISK_VERSION],
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
  const signature = await signV3(accessKeySecret, stringToSign);
  const response = await fetch(`http://${api}/?${new URLSearchParams(query).toString()}`, {
    method: 'POST',
    headers: {
      ...Object.fromEntries(headers),
      authorization: authorizationV3({ accessKeyId, signedHeaders, signature }),
    },
  }).catch((cause: unknown) => {
    throw new SystemError('unavailable', 'NOT_ANSWERING', `the API on ${api} does not answer`, { cause });
  });
  const body = (await response.json()) as Record<string, unknown>;
  if (!response.ok) {
    throw new RefusedError(response.status, String(body['Code']), String(body['Message']), String(body['RequestId']));
  }
  delete body['RequestId'];
  return body as Answer;
}
