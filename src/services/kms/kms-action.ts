import type { Access, Action, Call } from '../../api/action.ts';
import type { Scope } from '../../kms/scope.ts';
import { unknownRegion } from '../ecs/refusals.ts';
import { findRegion } from '../ecs/regions.ts';
import type { KmsDependencies } from './dependencies.ts';
import { translated } from './errors.ts';

/** What differs from one KMS operation to the next. */
export interface KmsOperation<Input, Parsed, Output extends object> {
  readonly name: string;
  /** True for the operations that work before KMS is open. */
  readonly worksClosed?: boolean;
  access(scope: Scope, input: Input): readonly Access[] | Promise<readonly Access[]>;
  /** Checks the values of the parameters. @throws {ApiError} */
  parse(input: Input): Parsed;
  /** Runs once KMS is known to be open. Refusals of the key engine are translated by the caller. */
  run(scope: Scope, parsed: Parsed, call: Call<Input>): Promise<Output>;
}

/** The order that all KMS operations share: values of parameters, region, KMS open, then the operation (decisions.md B7). */
export function kmsAction<Input, Parsed, Output extends object>(
  deps: KmsDependencies,
  operation: KmsOperation<Input, Parsed, Output>,
): Action<Input, Output> {
  return {
    product: 'kms',
    name: operation.name,
    access: (call) => operation.access(scopeOf(call), call.input),
    run: (call) =>
      translated(async () => {
        const scope = scopeOf(call);
        const parsed = operation.parse(call.input);
        // No disk could ever use a key in a region that does not exist: code from apis.md 0.3.
        if (findRegion(scope.regionId) === undefined) throw unknownRegion(scope.regionId);
        if (operation.worksClosed !== true) await deps.service.requireOpen(scope);
        return operation.run(scope, parsed, call);
      }),
  };
}

function scopeOf(call: Call<unknown>): Scope {
  return { accountId: call.caller.accountId, regionId: call.regionId };
}
