import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AuditedCall } from '../../src/api/audited-call.ts';
import { fieldsOf } from '../../src/audit/call-fields.ts';
import { contentOf, decodeLine, encodeLines, GENESIS } from '../../src/audit/chain.ts';
import { KEY } from './test-log.ts';

/** Six bytes each in JSON: the longest that a character gets. */
const LONG = '\u0001'.repeat(200_000);
const STATEMENT = {
  policyType: 'Custom',
  policy: 'p'.repeat(128),
  version: 'v50',
  attachedTo: `group/${'g'.repeat(64)}`,
};

function longCall(decision: AuditedCall['decision'], input: AuditedCall['input']): AuditedCall {
  return {
    requestId: '1C488B66-B819-4D14-8711-C4EAAA13AC01',
    account: '1234567890123456',
    principal: `acs:ram::1234567890123456:role/${'r'.repeat(64)}/${'s'.repeat(64)}`,
    accessKeyId: `STS.${'a'.repeat(24)}`,
    claimedAccessKeyId: LONG,
    sourceIp: '2001:db8:1111:2222:3333:4444:5555:6666',
    userAgent: LONG,
    product: 'kms',
    action: LONG,
    region: LONG,
    class: 'mutation',
    resources: Array.from({ length: 32 }, (_, i) => `${i}${LONG}`),
    decision,
    input,
  };
}

const by = Array.from({ length: 1_000 }, (_, statement) => ({
  ...STATEMENT,
  statement,
  at: { line: 100, column: 100 },
}));
const decisions: readonly AuditedCall['decision'][] = [
  { effect: 'Allow', by },
  {
    effect: 'ExplicitDeny',
    action: 'kms:DescribeKey',
    resource: LONG,
    policyType: 'SessionPolicy',
    ...(by[0] && { by: by[0] }),
  },
];

test('whatever a client sends, the record of its call is a line that a reader takes', () => {
  for (const decision of decisions) {
    for (const input of [{ KeyId: LONG }, { KeyId: '\u0001'.repeat(5_000) }, { KeyId: '密'.repeat(30_000) }]) {
      const fields = fieldsOf(longCall(decision, input));
      const event = {
        time: '2026-11-24T08:00:00.000Z',
        kind: 'call',
        ...fields,
        status: 403,
        message: LONG.slice(0, 512),
      };
      const { bytes } = encodeLines(KEY.macKey, GENESIS, [contentOf(event)]);
      assert.equal(decodeLine(bytes.subarray(0, -1), KEY.macKey)?.isAuthentic, true, `${bytes.length} bytes`);
    }
  }
});

test('what is shown of a call is its beginning', () => {
  const { resources, decision } = fieldsOf(longCall(decisions[1], undefined));
  assert.equal(resources?.[31], `31${LONG}`.slice(0, 256));
  assert.ok(decision?.effect === 'ExplicitDeny');
  assert.equal(decision.resource, LONG.slice(0, 256));
});
