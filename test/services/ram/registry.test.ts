import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ram } from '../../../src/api/generated/ram.ts';
import { sts } from '../../../src/api/generated/sts.ts';
import { ramActions } from '../../../src/services/ram/registry.ts';
import { PolicyDocuments } from '../../../src/ram/policy/policy-documents.ts';
import { SessionTokens } from '../../../src/ram/session-token.ts';
import { stsActions } from '../../../src/services/sts/registry.ts';
import { testSealer } from '../../ram/support.ts';
import { openTestAccount } from './support.ts';

test('there is an action for every described RAM and STS operation, and no other', async () => {
  await using account = await openTestAccount();
  const tokens = new SessionTokens(testSealer);
  const names = (actions: readonly { readonly name: string }[]) => actions.map(({ name }) => name).toSorted();
  assert.deepEqual(names(ramActions(account)), Object.keys(ram.actions).toSorted());
  assert.deepEqual(
    names(stsActions({ ...account, reader: account.database.read, tokens, documents: new PolicyDocuments() })),
    Object.keys(sts.actions).toSorted(),
  );
});
