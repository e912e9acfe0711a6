/** Requests signed before they are needed, so that signing costs the load generator nothing while it measures. */
import { createHmac, hash, randomUUID } from 'node:crypto';

import { PRODUCTS } from '../../src/api/products.ts';
import type { Product } from '../../src/api/action.ts';
import { canonicalQuery } from '../../src/api/signature/canonical.ts';
import { authorizationV3 } from '../../src/api/signature/v3.ts';

export interface Signer {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

export interface Operation {
  readonly product: Product;
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const EMPTY_SHA256 = hash('sha256', '');

/** `count` requests as bytes on a connection that is kept, each good once and for 15 minutes. */
export function presign(address: string, signer: Signer, operation: Operation, count: number): Buffer[] {
  const { product, action, parameters } = operation;
  const version = PRODUCTS.find((known) => known.product === product)?.version ?? '';
  const date = `${new Date().toISOString().slice(0, 19)}Z`;
  const query = canonicalQuery(Object.entries(parameters));
  return Array.from({ length: count }, () => {
    const headers = {
      host: address,
      'x-acs-action': action,
      'x-acs-content-sha256': EMPTY_SHA256,
      'x-acs-date': date,
      'x-acs-signature-nonce': randomUUID(),
      'x-acs-version': version,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    const signedHeaders = Object.keys(headers);
    const canonical = ['POST', '/', query, lines.join(''), signedHeaders.join(';'), EMPTY_SHA256].join('\n');
    const text = `ACS3-HMAC-SHA256\n${hash('sha256', canonical)}`;
    const signature = createHmac('sha256', signer.accessKeySecret).update(text).digest('hex');
    const authorization = authorizationV3({ accessKeyId: signer.accessKeyId, signedHeaders, signature });
    const head = Object.entries({ ...headers, authorization, 'content-length': '0' });
    return Buffer.from(
      `POST /?${query} HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    );
  });
}
