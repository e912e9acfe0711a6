import { callRpc, RpcRefusal } from '../api/rpc-client.ts';
import { isoSeconds } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { RefusedError } from './failure.ts';
import { findServer, localCredentials } from './server-location.ts';

const SEALDISK_VERSION = '2026-11-23';
const ECS_VERSION = '2014-05-26';

/**
 * Calls an operation of the product Sealdisk on the running server, signed like any other client. Answers it without RequestId.
 * @param form parameters that travel in the body: long ones and secrets.
 * @throws {RefusedError} what the server refused; {SystemError} no server, no credentials.
 */
export function callSealdisk<Answer>(
  dataDirectory: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
  form: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return call(dataDirectory, SEALDISK_VERSION, action, parameters, form);
}

/** The same for an operation of ECS. */
export function callEcs<Answer>(
  dataDirectory: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Answer> {
  return call(dataDirectory, ECS_VERSION, action, parameters, {});
}

async function call<Answer>(
  dataDirectory: string,
  version: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  const { api } = await findServer(dataDirectory);
  const endpoint = { address: api, ...localCredentials(dataDirectory) };
  try {
    const { RequestId: _requestId, ...answer } = await callRpc<Record<string, unknown>>(
      endpoint,
      version,
      action,
      parameters,
      isoSeconds(systemClock.nowMs()),
      form,
    );
    return answer as Answer;
  } catch (error) {
    if (error instanceof RpcRefusal)
      throw new RefusedError(error.httpStatus, error.code, error.message, error.requestId);
    throw new SystemError('unavailable', 'NOT_ANSWERING', `the API on ${api} does not answer`, { cause: error });
  }
}
