import type { Action } from '../../../api/action.ts';
import type { DecodeDiagnosticMessageInput, DecodeDiagnosticMessageOutput } from '../../../api/generated/ram.ts';
import { accountArn } from '../../../ram/arn.ts';
import { DenialReports } from '../../../ram/denial-reports.ts';
import type { DenialReport } from '../../../ram/denial-reports.ts';
import type { RamDependencies } from '../dependencies.ts';
import { invalid } from '../refusals.ts';

/** Opens what a refusal of this account sealed: who asked for what, and which statement refused. Source: apis.md, DecodeDiagnosticMessage. */
export const decodeDiagnosticMessage = (
  deps: RamDependencies,
): Action<DecodeDiagnosticMessageInput, DecodeDiagnosticMessageOutput> => ({
  product: 'ram',
  name: 'DecodeDiagnosticMessage',
  access: ({ caller }) => [{ action: 'ram:DecodeDiagnosticMessage', resource: accountArn(caller.accountId) }],
  run: ({ input, caller: { accountId } }) => {
    const report = new DenialReports(deps.database.read, deps.sealer).open(accountId, input.EncodedDiagnosticMessage);
    if (report === undefined) {
      throw invalid('EncodedDiagnosticMessage', 'Format', 'must be what an error of this account said, unchanged');
    }
    return Promise.resolve({ DecodedDiagnosticMessage: view(report) });
  },
});

const PRINCIPAL_TYPES = { Account: 'Account', RAMUser: 'SubUser', AssumedRoleUser: 'AssumedRoleUser' } as const;
const ENTITY_TYPES: Readonly<Record<string, string>> = { user: 'RamUser', group: 'RamGroup', role: 'RamRole' };

function view({ by, conditions, ...report }: DenialReport) {
  return {
    ExplicitDeny: report.explicit,
    NoPermissionPolicyType: report.policyType,
    AuthAction: report.action,
    AuthResource: report.resource,
    AuthPrincipal: {
      AuthPrincipalType: PRINCIPAL_TYPES[report.principalType],
      AuthPrincipalOwnerId: report.accountId,
      AuthPrincipalDisplayName: report.principal,
    },
    AuthConditions: Object.entries(conditions).map(([key, value]) => ({
      ConditionKey: key,
      ConditionValues: typeof value === 'string' ? [value] : value,
    })),
    MatchedPolicies:
      by === undefined
        ? []
        : [
            {
              AttachedEntityType: ENTITY_TYPES[by.attachedTo.split('/')[0] ?? ''],
              AttachedScope: 'Account',
              Effect: 'Deny',
              PolicyIdentifier: by.policy,
              PolicyType: by.policyType,
              PolicyVersion: by.version,
            },
          ],
  };
}
