import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ClientTokens, answerClientToken } from '../../src/metadata/client-tokens.ts';
import { openTestDatabase } from './support.ts';

const claim = { fingerprint: 'f', owner: 'server-1', nowMs: 0, expiresAtMs: 100 };

test('a client token is claimed once, answers the same until it expires, and can then be claimed again', async () => {
  await using opened = await openTestDatabase();
  const tokens = new ClientTokens(opened.database);
  const results = await Promise.all([tokens.claim('k', claim), tokens.claim('k', { ...claim, fingerprint: 'g' })]);
  assert.deepEqual(results, [{ state: 'claimed' }, { state: 'running', fingerprint: 'f' }]);
  await tokens.answer('k', '{"DiskId":"d-1"}');
  await tokens.answer('k', '{"DiskId":"d-2"}');
  const answered = { state: 'answered', fingerprint: 'f', answer: '{"DiskId":"d-1"}' };
  assert.deepEqual(await tokens.claim('k', { ...claim, nowMs: 99 }), answered);
  assert.deepEqual(await tokens.claim('k', { ...claim, owner: 'server-2' }), answered);
  assert.deepEqual(await tokens.claim('other', claim), { state: 'claimed' });
  assert.deepEqual(await tokens.claim('k', { ...claim, nowMs: 100, expiresAtMs: 200 }), { state: 'claimed' });
});

test('a claim that a dead server left without an answer is taken over; a released one is free', async () => {
  await using opened = await openTestDatabase();
  const tokens = new ClientTokens(opened.database);
  await tokens.claim('k', claim);
  assert.deepEqual(await tokens.claim('k', { ...claim, owner: 'server-2' }), { state: 'claimed' });
  await tokens.release('k');
  assert.deepEqual(await tokens.claim('k', { ...claim, owner: 'server-2' }), { state: 'claimed' });
});

test('an answer stored in a transaction that fails is not stored, and an answered claim is never released', async () => {
  await using opened = await openTestDatabase();
  const tokens = new ClientTokens(opened.database);
  await tokens.claim('k', claim);
  const failing = opened.database.transact(async (transaction) => {
    await answerClientToken(transaction, 'k', '{}');
    throw new Error('no disk');
  });
  await assert.rejects(failing, /no disk/);
  assert.deepEqual(await tokens.claim('k', claim), { state: 'running', fingerprint: 'f' });
  await opened.database.transact((transaction) => answerClientToken(transaction, 'k', '{}'));
  await tokens.release('k');
  assert.deepEqual(await tokens.claim('k', claim), { state: 'answered', fingerprint: 'f', answer: '{}' });
});
