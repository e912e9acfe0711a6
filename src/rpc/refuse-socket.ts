// The answer to bytes that never became a request.
import type { Socket } from 'node:net';

import { ApiError } from '../api/errors.ts';
import { errorBody } from './error-response.ts';

/** Answers what node:http could not read, or not in time, and closes the connection. */
export function refuseSocket(error: Error & { readonly code?: string }, socket: Socket, requestId: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { reason, refusal } = refusalFor(error.code);
  const body = JSON.stringify(errorBody(refusal, requestId, ''));
  const head = [
    `HTTP/1.1 ${refusal.httpStatus} ${reason}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function refusalFor(code: string | undefined): { readonly reason: string; readonly refusal: ApiError } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      reason: 'Request Header Fields Too Large',
      refusal: new ApiError(
        'InvalidParameter',
        431,
        'The request line and headers are too long. Send parameters in a form.',
      ),
    };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return {
      reason: 'Request Timeout',
      refusal: new ApiError('RequestTimeout', 408, 'The request did not arrive in time. Send it again.'),
    };
  }
  return {
    reason: 'Bad Request',
    refusal: new ApiError('InvalidParameter', 400, 'This is not an HTTP request that the server understands.'),
  };
}
