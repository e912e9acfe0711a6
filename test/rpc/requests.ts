// Requests signed by hand, so that tests can get any part of them wrong.
import { createHash, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';

import { signV1, stringToSignV1 } from '../../src/api/signature/v1.ts';
import { authorizationV3, signV3, stringToSignV3 } from '../../src/api/signature/v3.ts';
import type { SdkTarget } from '../support/sdk-clients.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The JSON body; empty when it is something else. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function send(target: Pick<SdkTarget, 'host' | 'port'>, raw: RawRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, port } = target;
    const { method, path, headers = {} } = raw;
    const request = httpRequest({ host, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
      });
    });
    request.on('error', reject);
    request.end(raw.body);
  });
}

/** `200 accepted`, `400 MissingParameter`, … */
export function outcomeOf({ status, body }: Answer): string {
  const code = body['Code'];
  return `${status} ${typeof code === 'string' ? code : 'accepted'}`;
}

export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export interface V1Options {
  readonly method?: 'GET' | 'POST';
  /** Parameters that go into a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Added or replaced after signing. */
  readonly tampered?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly secret?: string;
}

/** Signed as Python's SDK core signs: `SignatureType` is sent empty, and a POST has its own parameters in the query. */
export async function v1Request(
  target: SdkTarget,
  parameters: Readonly<Record<string, string>>,
  options: V1Options = {},
): Promise<RawRequest> {
  const { method = 'GET', form = {}, tampered = {}, without = [] } = options;
  const common = {
    Format: 'JSON',
    Version: '2014-05-26',
    AccessKeyId: target.accessKeyId,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureType: '',
    SignatureNonce: randomUUID(),
    Timestamp: timestamp(Date.now()),
  };
  const all = Object.entries({ ...common, ...parameters }).filter(([name]) => !without.includes(name));
  const signed = new Map([...all, ...Object.entries(form)]);
  const signature = await signV1(options.secret ?? target.accessKeySecret, stringToSignV1(method, signed));
  const query = { ...Object.fromEntries(all), Signature: signature, ...tampered };
  const formText = new URLSearchParams(form).toString();
  const sent = Object.entries(query).filter(([name]) => name !== 'Signature' || !without.includes(name));
  return {
    method,
    path: `/?${new URLSearchParams(sent).toString()}`,
    ...(formText === '' ? {} : { body: formText, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  };
}

export interface V3Options {
  readonly method?: 'GET' | 'POST';
  readonly version?: string;
  readonly form?: Readonly<Record<string, string>>;
  /** Headers that replace the signed ones after signing. */
  readonly tampered?: Readonly<Record<string, string>>;
  /** Headers that are sent and not signed. */
  readonly unsigned?: readonly string[];
  readonly extra?: Readonly<Record<string, string>>;
  readonly secret?: string;
  readonly body?: string;
}

export async function v3Request(
  target: SdkTarget,
  actionName: string,
  parameters: Readonly<Record<string, string>> = {},
  options: V3Options = {},
): Promise<RawRequest> {
  const { method = 'POST', version = '2014-05-26', form = {}, tampered = {}, unsigned = [], extra = {} } = options;
  const body = options.body ?? new URLSearchParams(form).toString();
  const contentSha256 = createHash('sha256').update(body).digest('hex');
  const headers: Record<string, string> = {
    host: `${target.host}:${target.port}`,
    'x-acs-action': actionName,
    'x-acs-content-sha256': contentSha256,
    'x-acs-date': timestamp(Date.now()),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-version': version,
    ...(body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...extra,
  };
  const signedHeaders = Object.keys(headers)
    .filter((name) => !unsigned.includes(name))
    .toSorted();
  const stringToSign = await stringToSignV3({
    method,
    path: '/',
    query: Object.entries(parameters),
    headers: new Map(Object.entries(headers)),
    signedHeaders,
    contentSha256,
  });
  const signature = await signV3(options.secret ?? target.accessKeySecret, stringToSign);
  return {
    method,
    path: `/?${new URLSearchParams(parameters).toString()}`,
    headers: {
      ...headers,
      authorization: authorizationV3({ accessKeyId: target.accessKeyId, signedHeaders, signature }),
      ...tampered,
    },
    body,
  };
}
