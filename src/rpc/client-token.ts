// The last step: run the action, once for each ClientToken.
// Source: docs/protocols/rpc.md, ClientToken.
import { createHash } from 'node:crypto';

import { encodeOutput } from '../api/encode.ts';
import { ApiError } from '../api/errors.ts';
import { assert } from '../base/assert.ts';
import type { Exchange, FrontDoor, Step } from './exchange.ts';
import { found } from './exchange.ts';

/** How long a token is remembered. */
export const CLIENT_TOKEN_LIFE_MS = 24 * 60 * 60 * 1000;

export const runActionOnce: Step = async (exchange, door) => {
  const token = Object.hasOwn(found(exchange.description).request, 'ClientToken')
    ? (found(exchange.call).input as { readonly ClientToken?: string }).ClientToken
    : undefined;
  const output = token === undefined ? await runAction(exchange) : await runOnce(exchange, door, token);
  exchange.body = encodeOutput(found(exchange.actionName), bodyMembers(exchange), output);
};

function runAction(exchange: Exchange): Promise<object> {
  return found(exchange.action).run(found(exchange.call));
}

/** The described response without `RequestId`, which is not the action's to answer. */
function bodyMembers(exchange: Exchange) {
  const { RequestId: _added, ...members } = found(exchange.description).response;
  return members;
}

async function runOnce(exchange: Exchange, door: FrontDoor, token: string): Promise<object> {
  if (!/^[\x20-\x7e]{1,64}$/.test(token)) {
    throw new ApiError(
      'InvalidClientToken.ValueNotSupported',
      400,
      'A ClientToken is 1 to 64 printable ASCII characters.',
    );
  }
  const { caller } = found(exchange.call);
  const description = found(exchange.description);
  const key = [caller.accountId, found(exchange.product), found(exchange.actionName), token].join('/');
  const fingerprint = fingerprintOf(exchange);
  const nowMs = door.clock.nowMs();

  const claim = await door.clientTokens.claim(key, {
    fingerprint,
    owner: door.owner,
    nowMs,
    expiresAtMs: nowMs + CLIENT_TOKEN_LIFE_MS,
  });
  if (claim.state !== 'claimed' && claim.fingerprint !== fingerprint) {
    throw new ApiError(
      'IdempotentParameterMismatch',
      description.idempotentMismatchStatus,
      'This ClientToken was used with other parameters. Use a new token for a new request.',
    );
  }
  if (claim.state === 'running') {
    throw new ApiError(
      description.idempotentRunningCode,
      403,
      'A request with this ClientToken is still running. Send it again in a moment to get its answer.',
    );
  }
  if (claim.state === 'answered') return parseAnswer(claim.answer);

  exchange.call = { ...found(exchange.call), idempotencyKey: key };
  let output: object;
  try {
    output = await runAction(exchange);
  } catch (error) {
    await door.clientTokens.release(key);
    throw error;
  }
  await door.clientTokens.answer(key, JSON.stringify(output));
  return output;
}

/** Of everything that the action sees; signature and transport play no part. */
function fingerprintOf(exchange: Exchange): string {
  const { input, regionId } = found(exchange.call);
  return createHash('sha256')
    .update(JSON.stringify([regionId, input]))
    .digest('base64url');
}

function parseAnswer(answer: string): object {
  const parsed: unknown = JSON.parse(answer);
  assert(typeof parsed === 'object' && parsed !== null, 'the stored answer of a ClientToken is no object');
  return parsed;
}
