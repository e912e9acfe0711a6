// What node:http received -> what the pipeline reads.
import type { IncomingMessage } from 'node:http';

import { ApiError } from '../api/errors.ts';
import type { HttpRequest } from './exchange.ts';

/** Everything but the body, which is empty until it was read. */
export function httpRequestOf(request: IncomingMessage): HttpRequest {
  const headers = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  return {
    method: request.method ?? '',
    ...splitUrl(request.url ?? '/'),
    headers: new Map(headers),
    body: new Uint8Array(),
    sourceIp: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    secureTransport: 'encrypted' in request.socket,
  };
}

function splitUrl(url: string): { path: string; rawQuery: string } {
  // A proxy may send the absolute form.
  const relative = url.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = relative.indexOf('?');
  const path = mark < 0 ? relative : relative.slice(0, mark);
  return { path: path === '' ? '/' : path, rawQuery: mark < 0 ? '' : relative.slice(mark + 1) };
}

export function refuseMethodAndPath({ method, path }: HttpRequest): void {
  if (method !== 'GET' && method !== 'POST') {
    throw new ApiError('UnsupportedHTTPMethod', 403, 'Requests are sent with GET or POST.');
  }
  if (path !== '/') throw new ApiError('InvalidAction.NotFound', 404, 'All operations are at the path "/".');
}
