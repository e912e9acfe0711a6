import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Action, Call } from '../../src/api/action.ts';
import { ApiError } from '../../src/api/errors.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { authorize } from '../../src/rpc/authorize.ts';
import type { Exchange, FrontDoor } from '../../src/rpc/exchange.ts';
import type { AuthorizationDecision, RequestContext } from '../../src/rpc/ports.ts';

const ACCESS = { action: 'ecs:CreateDisk', resource: 'acs:ecs:cn-hangzhou:1:disk/*' };

/** Runs the step alone; answers the exchange, what the authorizer was told, and the AccessKeys that were noted. */
async function decided(decision: AuthorizationDecision) {
  const caller = { accountId: '1', arn: 'acs:ram::1:user/a', principalType: 'RAMUser' as const, accessKeyId: 'LTAI1' };
  const action: Action = { product: 'ecs', name: 'CreateDisk', access: () => [ACCESS], run: async () => ({}) };
  const exchange = {
    http: { sourceIp: '192.0.2.1', secureTransport: false },
    parameters: new Map([
      ['Tag.1.Key', 'env'],
      ['Tag.1.Value', 'dev'],
    ]),
    product: 'ecs',
    action,
    call: { caller: { ...caller, sourceIp: '192.0.2.1' }, input: {} } as unknown as Call<never>,
  } as unknown as Exchange;
  const told: RequestContext[] = [];
  const noted: string[] = [];
  const door = {
    clock: systemClock,
    accessKeyUses: { note: (id: string) => noted.push(id) },
    authorizer: {
      decide: (_caller: unknown, _access: unknown, context: RequestContext) => {
        told.push(context);
        return Promise.resolve(decision);
      },
    },
  } as unknown as FrontDoor;
  const error: unknown = await Promise.resolve(authorize(exchange, door)).catch((thrown: unknown) => thrown);
  return { exchange, told, noted, error };
}

test('the exchange keeps the decision, the authorizer sees the tags to be given, the use of the AccessKey is noted', async () => {
  const decision = { allowed: true, decisions: [{ access: ACCESS, effect: 'Allow' }] } as const;
  const { exchange, told, noted, error } = await decided(decision);
  assert.equal(error, undefined);
  assert.equal(exchange.decision, decision);
  assert.deepEqual(told[0]?.requestTags, { env: 'dev' });
  assert.deepEqual(noted, ['LTAI1']);
});

test('a refusal is kept too, and says who was refused and by which kind of policy, and the rest sealed', async () => {
  const decision = {
    allowed: false,
    denied: ACCESS,
    reason: 'ExplicitDeny',
    policyType: 'SessionPolicy',
    principal: '200000000000000001',
    diagnosticMessage: 'c2VhbGVk',
  } as const;
  const { exchange, error } = await decided(decision);
  assert.equal(exchange.decision, decision);
  assert.ok(error instanceof ApiError);
  assert.deepEqual(error.accessDeniedDetail, {
    AuthAction: 'ecs:CreateDisk',
    AuthPrincipalDisplayName: '200000000000000001',
    AuthPrincipalOwnerId: '1',
    AuthPrincipalType: 'SubUser',
    EncodedDiagnosticMessage: 'c2VhbGVk',
    NoPermissionType: 'ExplicitDeny',
    PolicyType: 'SessionPolicy',
  });
});
