import assert from 'node:assert/strict';
import { test } from 'node:test';

import { callClassOf } from '../../src/api/audited-call.ts';
import { PRODUCTS } from '../../src/api/products.ts';

test('operations that only look are reads, those that only use a key are uses, and all others change something', () => {
  assert.equal(callClassOf('ecs', 'DescribeDisks'), 'read');
  assert.equal(callClassOf('sts', 'GetCallerIdentity'), 'read');
  assert.equal(callClassOf('kms', 'GenerateDataKey'), 'key-use');
  assert.equal(callClassOf('kms', 'AsymmetricSign'), 'key-use');
  assert.equal(callClassOf('kms', 'GetParametersForImport'), 'mutation');
  assert.equal(callClassOf('ecs', 'CreateDisk'), 'mutation');
  assert.equal(callClassOf('sts', 'AssumeRole'), 'mutation');
  assert.equal(callClassOf('sealdisk', 'NobodyKnowsYet'), 'mutation');
  assert.equal(callClassOf('ecs', 'EncryptDisk'), 'mutation', 'uses of keys are operations of KMS');
});

test('no described operation whose name says that it changes something is taken for a read or a mere use', () => {
  const changes =
    /Create|Delete|Update|Set|Put|Attach|Detach|Add|Remove|Enable|Disable|Schedule|Cancel|Import|Open|Modify|Resize|Rotate|Start|Finish|Tag|Change/;
  const described = PRODUCTS.flatMap(({ product, actions }) => Object.keys(actions).map((name) => ({ product, name })));
  assert.ok(described.length > 40, 'the descriptions were found');
  // Looked at one by one: they name what they list.
  const harmless = /^(?:List\w*Tag\w*|Describe\w+|GetAccessKeyLastUsed|Get\w+Tag\w*|ListTagResources)$/;
  assert.deepEqual(
    described.filter(
      ({ product, name }) => changes.test(name) && callClassOf(product, name) !== 'mutation' && !harmless.test(name),
    ),
    [],
  );
});
