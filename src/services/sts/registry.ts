import type { Action } from '../../api/action.ts';
import { getCallerIdentity } from './actions/GetCallerIdentity.ts';

/** Every STS operation there is. */
export function stsActions(): readonly Action[] {
  return [getCallerIdentity()];
}
