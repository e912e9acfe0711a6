import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Shape } from '../../src/api/description.ts';
import { isList, isStructure } from '../../src/api/description.ts';
import { PRODUCTS } from '../../src/api/products.ts';
import { idsOf, isOpen, openParameters } from '../../src/audit/parameters.ts';

test('secrets, and whatever nobody thought of, are written as lengths', () => {
  const input = {
    KeyId: 'alias/mine',
    Plaintext: 'c2VjcmV0',
    EncryptedKeyMaterial: 'AAAA',
    ImportToken: 'BBBBBB',
    Passphrase: 'correct horse',
    Password: 'p',
    NewThing: 'who knows',
    CiphertextBlob: 'xyz',
    Size: 20,
    Encrypted: true,
    EncryptionContext: { Plaintext: 'the name of a context is the client’s own' },
    Tag: [{ Key: 'env', Value: 'test', Secret: 'q' }],
    DiskIds: ['d-1', 'd-2'],
    Nested: { Name: 'n', Password: 'hidden' },
    ClientToken: 't',
    PolicyDocument: '{"Version":"1"}',
  };
  assert.deepEqual(openParameters(input), {
    KeyId: 'alias/mine',
    Plaintext: { withheld: 8 },
    EncryptedKeyMaterial: { withheld: 4 },
    ImportToken: { withheld: 6 },
    Passphrase: { withheld: 13 },
    Password: { withheld: 1 },
    NewThing: { withheld: 9 },
    CiphertextBlob: { withheld: 3 },
    Size: 20,
    Encrypted: true,
    EncryptionContext: { Plaintext: 'the name of a context is the client’s own' },
    Tag: [{ Key: 'env', Value: 'test', Secret: { withheld: 1 } }],
    DiskIds: ['d-1', 'd-2'],
    Nested: { Name: 'n', Password: { withheld: 6 } },
    ClientToken: 't',
    PolicyDocument: '{"Version":"1"}',
  });
});

test('a call without parameters has none, and too many are left out', () => {
  assert.equal(openParameters({}), undefined);
  const many = Array.from({ length: 5_000 }, (_, i) => `d-${i}`.padEnd(10, 'x'));
  const withheld = openParameters({ DiskIds: many });
  assert.deepEqual(Object.keys(withheld ?? {}), ['withheld']);
});

test('of answers, ids are written and nothing else', () => {
  const body = {
    KeyId: 'k-1',
    KeyVersionId: 'v-1',
    Plaintext: 'c2VjcmV0',
    CiphertextBlob: 'abc',
    AccessKey: { AccessKeyId: 'LTAI1', AccessKeySecret: 's', Status: 'Active' },
    Credentials: { SecurityToken: 't', AccessKeySecret: 's', AccessKeyId: 'STS.1' },
    Psk: '00ff',
    PskIdentity: 'e-1',
    Disks: { Disk: [{ DiskId: 'd-1' }] },
  };
  assert.deepEqual(idsOf(body), { KeyId: 'k-1', KeyVersionId: 'v-1', AccessKeyId: 'LTAI1' });
  assert.equal(idsOf({ TotalCount: 3 }), undefined);
});

test('of everything that is described, no name that sounds like a secret is written', () => {
  const names = new Set<string>();
  const collect = (name: string, shape: Shape): void => {
    if (isList(shape)) collect(name, shape[0]);
    else if (isStructure(shape)) for (const [member, inner] of Object.entries(shape)) collect(member, inner);
    else if (shape === 'string') names.add(name);
  };
  for (const { actions } of PRODUCTS)
    for (const { request } of Object.values(actions))
      for (const [name, shape] of Object.entries(request)) collect(name, shape);
  assert.ok(names.size > 50, 'the descriptions were found');
  const suspicious =
    /secret|password|pass|plain|material|token|blob|cipher|psk|private|credential|message|digest|signature|assertion|certificate|userdata|mfa/i;
  // An id is none, and no other of these is.
  const harmless = new Set(['ClientToken']);
  const isId = (name: string): boolean => /(?:Id|Arn)s?$/.test(name);
  assert.deepEqual(
    [...names].filter((name) => isOpen(name) && suspicious.test(name) && !isId(name) && !harmless.has(name)),
    [],
  );
});
