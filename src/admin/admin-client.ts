import { request } from 'node:http';

import { SystemError, type ErrorKind } from '../base/errors.ts';
import { adminSocket, type AdminOperations } from './admin-protocol.ts';

/** Whether a call failed because no server answers there. */
export function isNotRunning(error: unknown): boolean {
  return error instanceof SystemError && error.code === NOT_RUNNING;
}

const NOT_RUNNING = 'NOT_RUNNING';

/** Twice what Node's HTTP parser reads into at one time (64 KiB), which it uses again for the next request. */
const OVERWRITING_BYTES = 128 * 1024;

/**
 * Calls the running server of a data directory.
 * @param secret goes with the call as bytes; left to the caller. Nothing of it stays in the server's memory.
 * @throws {SystemError} code `NOT_RUNNING`: no server answers there.
 */
export async function callAdmin<Name extends keyof AdminOperations>(
  dataDirectory: string,
  name: Name,
  input: Parameters<AdminOperations[Name]>[0],
  secret?: Uint8Array,
): Promise<Awaited<ReturnType<AdminOperations[Name]>>> {
  const json = JSON.stringify(input);
  const parts = secret === undefined ? [json] : [json, '\n', secret];
  try {
    const { status, body } = await post(dataDirectory, name, parts);
    const answer = JSON.parse(body) as unknown;
    if (status !== 200) {
      const { kind, code, message } = answer as { kind: ErrorKind; code: string; message: string };
      throw new SystemError(kind, code, message);
    }
    return answer as Awaited<ReturnType<AdminOperations[Name]>>;
  } finally {
    // The server wipes what it was handed, but for the memory that its HTTP parser had read it into.
    if (secret !== undefined)
      await post(dataDirectory, 'status', ['{}', ' '.repeat(OVERWRITING_BYTES)]).catch(() => undefined);
  }
}

function post(
  dataDirectory: string,
  name: string,
  parts: readonly (string | Uint8Array)[],
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: adminSocket(dataDirectory),
        path: `/${name}`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', reject);
      },
    );
    call.on('error', (cause) =>
      reject(
        new SystemError(
          'unavailable',
          NOT_RUNNING,
          `no sealdisk serves ${dataDirectory}; start it with: sealdisk serve --data-dir ${dataDirectory}`,
          { cause },
        ),
      ),
    );
    for (const part of parts) call.write(part);
    call.end();
  });
}
