import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PolicyDocuments } from '../../../src/ram/policy/policy-documents.ts';

const text = (action: string): string =>
  `{"Version":"1","Statement":[{"Effect":"Allow","Action":"${action}","Resource":"*"}]}`;
const trust = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"*"}}]}';

test('the same text is parsed once, and another text is another policy', () => {
  const documents = new PolicyDocuments();
  const first = documents.policy(text('ecs:A'));
  assert.equal(documents.policy(Buffer.from(text('ecs:A')).toString()), first);
  assert.notEqual(documents.policy(text('ecs:B')), first);
  assert.equal(documents.trustPolicy(trust), documents.trustPolicy(trust));
});

test('what is not understood is refused every time', () => {
  const documents = new PolicyDocuments();
  for (let time = 0; time < 2; time++) assert.throws(() => documents.policy(trust), /"Principal" is no part/);
  for (let time = 0; time < 2; time++) assert.throws(() => documents.trustPolicy(text('a:b')), /no part/);
});

test('what is kept is bounded: the document longest unused is forgotten', () => {
  const documents = new PolicyDocuments();
  const long = (index: number): string => text(`ecs:A${index}`).padEnd(6000);
  const kept = documents.policy(long(0));
  const forgotten = documents.policy(long(1));
  // 349 documents of 6,000 characters are just below the bound of 2 Mi characters.
  for (let index = 2; index < 400; index++) {
    documents.policy(long(index));
    assert.equal(documents.policy(long(0)), kept);
  }
  assert.notEqual(documents.policy(long(1)), forgotten);
  assert.equal(documents.policy(long(0)), kept);
});
