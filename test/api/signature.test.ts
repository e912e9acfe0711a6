import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { equalInConstantTime, percentEncode, sha256Hex } from '../../src/api/signature/canonical.ts';
import { checkV1, checkV3, textToSignV3 } from '../../src/api/signature/check.ts';
import { signV1, stringToSignV1 } from '../../src/api/signature/v1.ts';
import type { SignedRequestV3 } from '../../src/api/signature/v3.ts';
import {
  authorizationV3,
  canonicalRequestV3,
  parseAuthorizationV3,
  signV3,
  stringToSignV3,
} from '../../src/api/signature/v3.ts';

// Published vector: ECS API reference, "Request signatures".
const VECTOR_V1 = new Map([
  ['Action', 'DescribeRegions'],
  ['Version', '2014-05-26'],
  ['Format', 'XML'],
  ['AccessKeyId', 'testid'],
  ['SignatureMethod', 'HMAC-SHA1'],
  ['SignatureVersion', '1.0'],
  ['SignatureNonce', '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf'],
  ['Timestamp', '2016-02-23T12:46:24Z'],
]);

test('V1 gives the signature of the published example', async () => {
  const stringToSign = stringToSignV1('GET', VECTOR_V1);
  assert.equal(await signV1('testsecret', stringToSign), 'OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
  assert.ok(checkV1('testsecret', stringToSign, 'OLeaidS1JvxuMvnyHOwuJ+uX5qY='));
  assert.ok(checkV1(new TextEncoder().encode('testsecret'), stringToSign, 'OLeaidS1JvxuMvnyHOwuJ+uX5qY='));
});

test('V1 leaves Signature itself out and keeps empty values', () => {
  const parameters = new Map([
    ['b', ''],
    ['Signature', 'x'],
    ['a', "v~'!()é *+&=%/中文"],
  ]);
  const canonical = 'a=v~%27%21%28%29%C3%A9%20%2A%2B%26%3D%25%2F%E4%B8%AD%E6%96%87&b=';
  assert.equal(stringToSignV1('POST', parameters), `POST&%2F&${percentEncode(canonical)}`);
});

test('V1 refuses another secret, another method and another parameter', async () => {
  const signature = await signV1('testsecret', stringToSignV1('GET', VECTOR_V1));
  assert.ok(!checkV1('testsecres', stringToSignV1('GET', VECTOR_V1), signature));
  assert.ok(!checkV1('testsecret', stringToSignV1('POST', VECTOR_V1), signature));
  assert.ok(!checkV1('testsecret', stringToSignV1('GET', new Map([...VECTOR_V1, ['X', '']])), signature));
  assert.ok(!checkV1('testsecret', stringToSignV1('GET', VECTOR_V1), ''));
});

/** What the front door does. */
const verifyV3 = (secret: string, request: SignedRequestV3, signature: string): boolean =>
  checkV3(secret, request, new Uint8Array(0), textToSignV3(request), signature);

// Published vector: "Request syntax and signature method V3".
const EMPTY_SHA256 = createHash('sha256').digest('hex');
const SIGNED_HEADERS = [
  'host',
  'x-acs-action',
  'x-acs-content-sha256',
  'x-acs-date',
  'x-acs-signature-nonce',
  'x-acs-version',
];
const VECTOR_V3: SignedRequestV3 = {
  method: 'POST',
  path: '/',
  query: [
    ['RegionId', 'cn-shanghai'],
    ['ImageId', 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd'],
  ],
  headers: new Map([
    ['host', 'ecs.cn-shanghai.aliyuncs.com'],
    ['x-acs-action', 'RunInstances'],
    ['x-acs-content-sha256', EMPTY_SHA256],
    ['x-acs-date', '2023-10-26T10:22:32Z'],
    ['x-acs-signature-nonce', '3156853299f313e23d1673dc12e1703d'],
    ['x-acs-version', '2014-05-26'],
  ]),
  signedHeaders: SIGNED_HEADERS,
  contentSha256: EMPTY_SHA256,
};
const SIGNATURE_V3 = '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0';

test('V3 gives the canonical request and signature of the published example', async () => {
  assert.equal(
    await sha256Hex(canonicalRequestV3(VECTOR_V3)),
    '7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259',
  );
  assert.equal(await signV3('YourAccessKeySecret', await stringToSignV3(VECTOR_V3)), SIGNATURE_V3);
  assert.ok(verifyV3('YourAccessKeySecret', VECTOR_V3, SIGNATURE_V3));
});

test('V3 refuses when anything it covers differs', async () => {
  const headers = new Map([...VECTOR_V3.headers, ['x-acs-action', 'StopInstances']]);
  for (const changed of [
    { ...VECTOR_V3, method: 'GET' },
    { ...VECTOR_V3, query: [['RegionId', 'cn-beijing']] as const },
    { ...VECTOR_V3, headers },
    { ...VECTOR_V3, contentSha256: EMPTY_SHA256.replace('e', 'f') },
    { ...VECTOR_V3, signedHeaders: SIGNED_HEADERS.slice(1) },
  ]) {
    assert.ok(!verifyV3('YourAccessKeySecret', changed, SIGNATURE_V3));
  }
  assert.ok(!verifyV3('YourAccessKeySecret&', VECTOR_V3, SIGNATURE_V3));
});

test('V3 accepts parameter names both encoded and as they are', async () => {
  const request = { ...VECTOR_V3, query: [['EncryptionContext.acs:ecs:disk-id', 'd-1']] as const };
  for (const encodeKey of [percentEncode, (key: string) => key]) {
    const signature = await signV3('YourAccessKeySecret', await stringToSignV3(request, encodeKey));
    assert.ok(verifyV3('YourAccessKeySecret', request, signature));
  }
});

test('the Authorization header of V3 is read back as it was written', () => {
  const authorization = { accessKeyId: 'LTAI5t', signedHeaders: ['host', 'x-acs-date'], signature: 'ab01' };
  assert.deepEqual(parseAuthorizationV3(authorizationV3(authorization)), authorization);
  for (const header of [
    '',
    'ACS3-HMAC-SHA256',
    'ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=ab',
    'Basic YTpi',
  ]) {
    assert.equal(parseAuthorizationV3(header), undefined, header);
  }
});

test('comparison tells every difference', () => {
  assert.ok(equalInConstantTime('', ''));
  assert.ok(equalInConstantTime('abc', 'abc'));
  for (const other of ['', 'ab', 'abd', 'abcabc', 'abca']) assert.ok(!equalInConstantTime('abc', other), other);
});
