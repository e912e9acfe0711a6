// The life of an RPC request, in order. READ THIS FIRST.
// Each step either adds to the exchange or throws; server.ts turns the outcome into bytes.
// The order decides which of several errors a client sees (docs/protocols/rpc.md, Order of checks).
import { recordBeginning } from './audit.ts';
import { verifySignature } from './authenticate.ts';
import { authorize } from './authorize.ts';
import { runActionOnce } from './client-token.ts';
import { decodeCall, refuseBadInput } from './decode-call.ts';
import type { Exchange, FrontDoor, Step } from './exchange.ts';
import { limitRate } from './limit-rate.ts';
import { readParameters } from './parameters.ts';
import { rejectReplay } from './replay.ts';
import { resolveAction } from './resolve-action.ts';

export const PIPELINE: readonly Step[] = [
  readParameters, // query + form -> parameters, product, format
  verifySignature, // AccessKey -> caller
  rejectReplay, // timestamp window, nonce
  resolveAction, // version + action -> description and implementation
  limitRate, // not more than the account may
  decodeCall, // parameters -> typed input; what is wrong is only noted
  authorize, // the caller may do this at all
  refuseBadInput, // now the caller may hear what is wrong
  recordBeginning, // what changes something is on record before it is done
  runActionOnce, // the action itself, once for each ClientToken
];

export async function runPipeline(exchange: Exchange, door: FrontDoor): Promise<void> {
  for (const step of PIPELINE) {
    const done = step(exchange, door);
    // Most steps have nothing to wait for.
    if (done !== undefined) await done;
  }
}
