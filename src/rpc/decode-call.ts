// Parameters -> the typed call that an action gets. What is wrong with them is told only after the caller was found
// to be allowed the call.
import type { Call } from '../api/action.ts';
import { decodeInput } from '../api/decode.ts';
import { ApiError } from '../api/errors.ts';
import type { Exchange, FrontDoor, Step } from './exchange.ts';
import { found, requestIdOf } from './exchange.ts';

export const decodeCall: Step = (exchange, door) => {
  const { input, problem } = decodeInput(
    found(exchange.actionName),
    found(exchange.description),
    found(exchange.parameters),
  );
  const call: Call<unknown> = {
    input,
    caller: found(exchange.caller),
    regionId: checkedRegion(regionOf(exchange, door)),
    requestId: requestIdOf(exchange),
    signal: exchange.signal,
  };
  // The description is what the action's input type was generated from.
  exchange.call = call as Call<never>;
  exchange.problem = problem;
};

export const refuseBadInput: Step = (exchange) => {
  if (exchange.problem !== undefined) throw exchange.problem;
};

/** The parameter, else the label in the host name, else the account's own, else the server's default. */
function regionOf(exchange: Exchange, door: FrontDoor): string {
  const parameters = found(exchange.parameters);
  return (
    parameters.get('RegionId') ||
    parameters.get('regionId') ||
    regionOfHost(exchange.http.headers.get('host') ?? '') ||
    exchange.accountRegionId ||
    door.defaultRegion
  );
}

/** `kms.cn-beijing.example.com:8686` -> `cn-beijing`. Source: docs/protocols/rpc.md, Region. */
function regionOfHost(host: string): string | undefined {
  return /^(?:ecs|kms|ram|sts|sealdisk)(?:-[a-z]+)?\.([a-z]{2}-[a-z]+(?:-[a-z0-9]+)*)\./i
    .exec(host)?.[1]
    ?.toLowerCase();
}

/**
 * Whether there is such a region is for the operation to say. But resource names hold the region before the account: with a
 * colon in it, a resource would seem to be another one to the policies.
 */
function checkedRegion(regionId: string): string {
  if (/^[A-Za-z0-9-]{1,64}$/.test(regionId)) return regionId;
  throw new ApiError(
    'InvalidRegionId.NotFound',
    404,
    'RegionId holds characters that no region has; DescribeRegions lists the regions of this server.',
  );
}
