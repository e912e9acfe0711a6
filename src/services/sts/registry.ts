import type { Action } from '../../api/action.ts';
import { assumeRole } from './actions/AssumeRole.ts';
import { getCallerIdentity } from './actions/GetCallerIdentity.ts';
import type { StsDependencies } from './dependencies.ts';

/** Every STS operation there is. */
export function stsActions(deps: StsDependencies): readonly Action[] {
  return [assumeRole(deps), getCallerIdentity()];
}
