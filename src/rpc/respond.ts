// The outcome of a request -> status, headers and bytes.
import type { Product } from '../api/action.ts';
import type { Body } from '../api/encode.ts';
import { toXml } from '../api/encode.ts';
import type { ApiError } from '../api/errors.ts';
import { errorBody } from './error-response.ts';
import type { Exchange } from './exchange.ts';
import { found, requestIdOf } from './exchange.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function successAnswer(exchange: Exchange): HttpAnswer {
  const body = { RequestId: requestIdOf(exchange), ...found(exchange.body) };
  return answer(exchange, 200, body, xmlRoot(found(exchange.product), found(exchange.actionName)));
}

export function errorAnswer(exchange: Exchange, error: ApiError): HttpAnswer {
  const hostId = (exchange.http.headers.get('host') ?? '').slice(0, 255);
  const refusal = answer(exchange, error.httpStatus, errorBody(error, requestIdOf(exchange), hostId), 'Error');
  if (error.retryAfterMs === undefined) return refusal;
  return { ...refusal, headers: { ...refusal.headers, 'x-acs-retry-after': String(error.retryAfterMs) } };
}

function answer(exchange: Exchange, status: number, body: Body, root: string): HttpAnswer {
  const isXml = exchange.format === 'XML';
  return {
    status,
    headers: {
      // Exactly this: fog-aliyun (Ruby) parses no other spelling.
      'content-type': isXml ? 'text/xml;charset=utf-8' : 'application/json',
      'x-acs-request-id': requestIdOf(exchange),
    },
    body: isXml ? toXml(root, body) : JSON.stringify(body),
  };
}

/** Source: the products' API references, "Response formats". */
function xmlRoot(product: Product, action: string): string {
  return product === 'kms' ? 'KMS' : `${action}Response`;
}
