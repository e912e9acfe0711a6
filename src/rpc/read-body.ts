import type { IncomingMessage } from 'node:http';

import { ApiError } from '../api/errors.ts';

/**
 * The whole body.
 * @throws {ApiError} it is longer than `maxBytes`; the rest is left unread.
 * @throws when the connection ends before the body does.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLong(maxBytes);
  if (isEmpty(request)) {
    request.resume();
    return new Uint8Array(0);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving this loop early must not destroy the socket: the refusal still has to go out.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** Known beforehand, as of every request that has all its parameters in the query. */
function isEmpty({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] === undefined && (length === undefined || length === '0');
}

function tooLong(maxBytes: number): ApiError {
  return new ApiError('InvalidParameter', 413, `The body is longer than ${maxBytes} bytes. Send less.`);
}
