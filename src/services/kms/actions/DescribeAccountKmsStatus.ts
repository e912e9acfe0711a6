import type { Action } from '../../../api/action.ts';
import type { DescribeAccountKmsStatusInput, DescribeAccountKmsStatusOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keysAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Whether KMS is open for the account in the region. */
export function describeAccountKmsStatus(
  deps: KmsDependencies,
): Action<DescribeAccountKmsStatusInput, DescribeAccountKmsStatusOutput> {
  return kmsAction(deps, {
    name: 'DescribeAccountKmsStatus',
    worksClosed: true,
    access: (scope) => keysAccess(scope, 'kms:DescribeAccountKmsStatus'),
    parse: () => undefined,
    run: async (scope) => ({ AccountStatus: (await deps.service.isOpen(scope)) ? 'Enabled' : 'NotEnabled' }),
  });
}
