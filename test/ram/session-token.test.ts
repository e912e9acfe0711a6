import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Random } from '../../src/base/random.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { isSessionKeyId, SessionTokens } from '../../src/ram/session-token.ts';
import type { Session } from '../../src/ram/session-token.ts';

const SECRET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR';
const SESSION: Session = {
  accessKeyId: 'STS.0123456789abcdefghijABCD',
  accountId: '1234567890123456',
  roleName: 'ECSAdmin',
  roleId: '300000000000000001',
  sessionName: 'alice',
  assumedBy: 'acs:ram::1234567890123456:user/alice',
  issuedMs: Date.parse('2026-11-23T12:00:00.123Z'),
  expiresMs: Date.parse('2026-11-23T13:00:00Z'),
  sourceIdentity: '',
  policy: '{"Version":"1"}',
};

/** The salt of the golden token. */
const counting: Random = { bytes: (length) => Uint8Array.from({ length }, (_, index) => index) };
const tokensUnder = (key: Uint8Array, random: Random = systemRandom): SessionTokens =>
  new SessionTokens(new SealedBytes(nodeCipherBackend(), random, key));
const KEY = new Uint8Array(32).fill(0x5a);

/** The plaintext field by field, as docs/formats/security-token.md has it. */
const PLAINTEXT = [
  '01',
  '7bfe4608a2010000', // 1795435200123
  '80ec7d08a2010000', // 1795438800000
  ...[
    SESSION.accessKeyId,
    SECRET,
    SESSION.accountId,
    SESSION.roleName,
    SESSION.roleId,
    SESSION.sessionName,
    SESSION.assumedBy,
    SESSION.sourceIdentity,
    SESSION.policy,
  ].map((text) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    return length.toString('hex') + Buffer.from(text).toString('hex');
  }),
].join('');

/** Made from the page by a program of its own, not by this code. */
const GOLDEN = [
  'AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fkUWG8zdtw4iiM09EXOFY7PEy-7xAZWwZeoMMUGLu5VBk7tiPPmwHHxio',
  'tiHNVKoAySl_kcQ3gmHX4X6MlZ4GOAqDZcAqDzFzl9tVY0m5JFFsqyOkV8PwHCTiMeFvk5UaH5zHvUUJSr1vceggXRRaF9B8Jbbm',
  'U7Sq7ZHMoG_Db_DgBTRn03MOv1jBIJuMCJw3SiF4tuDTzH5ZG3lJJt-Rl9OGXWWWm51bK9l4NDKd6PtcEpBgO9uTer-l9BOEJPY6',
  'jZTOUFRuE1cgOlaTcCZ_D2R44JxsR5YSoC0Kgh8',
].join('');

test('the golden token is made and read, field by field as its page says', () => {
  const tokens = tokensUnder(KEY, counting);
  assert.equal(tokens.seal(SESSION, SECRET), GOLDEN);
  const sealer = new SealedBytes(nodeCipherBackend(), counting, KEY);
  const plaintext = sealer.open('security-token', Buffer.from(GOLDEN, 'base64url'));
  assert.equal(Buffer.from(plaintext).toString('hex'), PLAINTEXT);
  const opened = tokens.open(GOLDEN);
  assert.deepEqual(opened?.session, SESSION);
  assert.equal(Buffer.from(opened?.secret ?? []).toString(), SECRET);
});

test('a token opens under its own key and for its own purpose only', () => {
  const token = tokensUnder(KEY).seal(SESSION, SECRET);
  assert.ok(tokensUnder(KEY).open(token) !== undefined);
  assert.equal(tokensUnder(new Uint8Array(32).fill(0x5b)).open(token), undefined);
  const sealer = new SealedBytes(nodeCipherBackend(), systemRandom, KEY);
  const opened = sealer.open('security-token', Buffer.from(token, 'base64url'));
  const elsewhere = Buffer.from(sealer.seal('access-key:LTAI', opened)).toString('base64url');
  assert.equal(tokensUnder(KEY).open(elsewhere), undefined);
});

test('another version is no token of ours', () => {
  const sealer = new SealedBytes(nodeCipherBackend(), systemRandom, KEY);
  const plaintext = Buffer.from(PLAINTEXT, 'hex');
  plaintext[0] = 2;
  const token = Buffer.from(sealer.seal('security-token', plaintext)).toString('base64url');
  assert.equal(tokensUnder(KEY).open(token), undefined);
  const empty = Buffer.from(sealer.seal('security-token', new Uint8Array())).toString('base64url');
  assert.equal(tokensUnder(KEY).open(empty), undefined);
});

test('the longest session fits, and everything in it comes back', () => {
  const longest: Session = {
    ...SESSION,
    roleName: 'r'.repeat(64),
    sessionName: 's'.repeat(64),
    assumedBy: `acs:ram::1234567890123456:user/${'u'.repeat(64)}`,
    sourceIdentity: 'i'.repeat(64),
    policy: '中'.repeat(2048),
  };
  const tokens = tokensUnder(KEY);
  assert.deepEqual(tokens.open(tokens.seal(longest, SECRET))?.session, longest);
});

test('ids of temporary AccessKeys have one form', () => {
  assert.ok(isSessionKeyId(SESSION.accessKeyId));
  for (const other of [
    'STS.',
    'STS.short',
    `${SESSION.accessKeyId}x`,
    'LTAI0123456789abcdefghij',
    'sts.0123456789abcdefghijABCD',
  ]) {
    assert.ok(!isSessionKeyId(other), other);
  }
});
