import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeDiagnosticMessage } from '../../../../src/services/ram/actions/DecodeDiagnosticMessage.ts';
import { DenialReports } from '../../../../src/ram/denial-reports.ts';
import { PolicyAuthorizer } from '../../../../src/ram/authorizer.ts';
import { createPolicy } from '../../../../src/services/ram/actions/CreatePolicy.ts';
import {
  ALLOW_DECRYPT,
  OTHER_ACCOUNT,
  act,
  attachToUser,
  byUser,
  decryptAccess,
  openAccountWithUsers,
  refused,
} from '../support.ts';

test('it names who was refused what, under which conditions, by which statement', async () => {
  await using account = await openAccountWithUsers('alice');
  const PolicyDocument = ALLOW_DECRYPT.replace('Allow', 'Deny');
  await act(account, createPolicy(account), { PolicyName: 'no', PolicyDocument });
  await attachToUser(account, 'Custom', 'no', 'alice');
  const { database, sealer, accountId } = account;
  const authorizer = new PolicyAuthorizer(database.read, { reports: new DenialReports(database.read, sealer) });
  const facts = { nowMs: account.clock.nowMs(), sourceIp: '192.0.2.1', secureTransport: false };
  const access = decryptAccess(account);
  const decision = await authorizer.decide(byUser(account, 'alice', {}).caller, [access], facts);
  assert.ok(!decision.allowed && decision.diagnosticMessage !== undefined);
  assert.match(decision.principal, /^2\d{17}$/);
  const EncodedDiagnosticMessage = decision.diagnosticMessage;
  assert.ok(!Buffer.from(EncodedDiagnosticMessage, 'base64').includes('kms:Decrypt'), 'it is sealed');
  const { DecodedDiagnosticMessage: decoded } = await act(account, decodeDiagnosticMessage(account), {
    EncodedDiagnosticMessage,
  });
  assert.deepEqual(decoded?.AuthPrincipal, {
    AuthPrincipalType: 'SubUser',
    AuthPrincipalOwnerId: accountId,
    AuthPrincipalDisplayName: decision.principal,
  });
  assert.deepEqual(
    [decoded?.AuthAction, decoded?.AuthResource, decoded?.ExplicitDeny, decoded?.NoPermissionPolicyType],
    [access.action, access.resource, true, 'AccountLevelIdentityBasedPolicy'],
  );
  assert.deepEqual(decoded?.MatchedPolicies, [
    {
      AttachedEntityType: 'RamUser',
      AttachedScope: 'Account',
      Effect: 'Deny',
      PolicyIdentifier: 'no',
      PolicyType: 'Custom',
      PolicyVersion: 'v1',
    },
  ]);
  const sourceIp = decoded?.AuthConditions?.find(({ ConditionKey }) => ConditionKey === 'acs:SourceIp');
  assert.deepEqual(sourceIp?.ConditionValues, ['192.0.2.1']);

  const code = refused('InvalidParameter.EncodedDiagnosticMessage.Format', 400);
  const decode = (message: string, account2?: string) =>
    act(account, decodeDiagnosticMessage(account), { EncodedDiagnosticMessage: message }, account2);
  await assert.rejects(async () => decode(EncodedDiagnosticMessage, OTHER_ACCOUNT), code);
  await assert.rejects(async () => decode('AQEAAAAA'), code);
});
