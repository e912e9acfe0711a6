/** The decoders of the key store, of the control protocol and of the API. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { decodeInput } from '../../src/api/decode.ts';
import { PRODUCTS } from '../../src/api/products.ts';
import { encodeMessage, MessageReader } from '../../src/dataplane/protocol.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { openBlob, sealBlob } from '../../src/kms/ciphertext-blob.ts';
import { decodeKeyFile, encodeKeyFile } from '../../src/kms/key-file.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { SessionTokens } from '../../src/ram/session-token.ts';
import { RootOfTrust } from '../../src/root/root-of-trust.ts';
import { trustParts } from '../root/open-test-trust.ts';
import { Seeded } from '../sim/seeded.ts';
import type { FuzzTarget } from './fuzz.ts';

const ciphers = nodeCipherBackend();
const random = new Seeded(1);
const KEY_VERSION_ID = '86a9efd9-3d16-4894-bd4f-1fc43f3f2abf';

function blobTarget(suite: Suite): FuzzTarget {
  const key = { keyVersionId: KEY_VERSION_ID, suite, material: random.bytes(suite === 'sm4-gcm' ? 16 : 32) };
  const context = { 'acs:ecs:disk-id': 'd-1' };
  return {
    name: `ciphertext blob (${suite})`,
    samples: [0, 1, 32, 6_000].map((size) => sealBlob(ciphers, random, key, context, random.bytes(size))),
    fields: [
      [0, 36],
      [36, 1],
      [37, 32],
      [69, 32],
      [101, 12],
    ],
    isSealed: true,
    decode: (bytes) => openBlob(ciphers, key, context, bytes),
  };
}

function sealedBytesTarget(): FuzzTarget {
  const sealer = new SealedBytes(ciphers, random, random.bytes(32));
  return {
    name: 'sealed bytes',
    samples: [0, 32, 3_000].map((size) => sealer.seal('key-version:1', random.bytes(size))),
    fields: [
      [0, 1],
      [1, 32],
    ],
    isSealed: true,
    decode: (bytes) => sealer.open('key-version:1', bytes),
  };
}

/** As bytes: the Base64 round them is looked at in test/ram/session-token.test.ts and session-credentials.test.ts. */
function securityTokenTarget(): FuzzTarget {
  const sealer = new SealedBytes(ciphers, random, random.bytes(32));
  const tokens = new SessionTokens(sealer);
  const session = {
    accessKeyId: 'STS.0123456789abcdefghijABCD',
    accountId: '1234567890123456',
    roleName: 'Ops',
    roleId: '3',
    sessionName: 'alice',
    assumedBy: 'acs:ram::1234567890123456:user/alice',
    issuedMs: 1,
    expiresMs: 2,
    sourceIdentity: '',
  };
  const token = (policy: string): Uint8Array => Buffer.from(tokens.seal({ ...session, policy }, 'secret'), 'base64url');
  return {
    name: 'security token',
    samples: ['', '{}'].map(token),
    fields: [
      [0, 1],
      [1, 32],
    ],
    isSealed: true,
    decode: (bytes) => tokens.open(Buffer.from(bytes).toString('base64url')),
  };
}

/** What is in a token, sealed anew after each change. */
function sessionTarget(): FuzzTarget {
  const sealer = new SealedBytes(ciphers, random, random.bytes(32));
  const fields = ['STS.x', 'secret', '1', 'Ops', '3', 'alice', 'acs:ram::1:user/alice', '', '{}'].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [Buffer.of(bytes.length, 0), bytes];
  });
  const sample = Buffer.concat([Buffer.of(1), Buffer.alloc(16), ...fields]);
  return {
    name: 'session',
    samples: [sample],
    fields: [
      [0, 1],
      [1, 8],
      [9, 8],
      [17, 2],
    ],
    decode: (bytes) =>
      new SessionTokens(sealer).open(Buffer.from(sealer.seal('security-token', bytes)).toString('base64url')),
  };
}

function keyFileTarget(): FuzzTarget {
  const header = {
    keyVersionId: KEY_VERSION_ID,
    keyId: 'k',
    accountId: '1',
    regionId: 'cn-hangzhou',
    keySpec: 'Aliyun_AES_256',
    keyUsage: 'ENCRYPT/DECRYPT',
    createdMs: 1,
  } as const;
  return {
    name: 'key file',
    samples: [encodeKeyFile(header, random.bytes(32)), encodeKeyFile(header, random.bytes(0))],
    fields: [
      [0, 1],
      [1, 4],
    ],
    decode: (bytes) => {
      const { material } = decodeKeyFile(bytes);
      return { material };
    },
  };
}

/** A keyring under a passphrase of cheap factors; a changed file that asks for costly ones is left out, since they are allowed. */
export async function withRootTarget<T>(use: (target: FuzzTarget) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-fuzz-'));
  try {
    const file = path.join(folder, 'keyring');
    const passphrase = Buffer.from('correct horse battery');
    const parts = trustParts(folder, { provider: 'passphrase' });
    (await RootOfTrust.open(parts, { databaseExists: false, passphrase }))[Symbol.dispose]();
    const sample = readFileSync(file);
    return await use({
      name: 'keyring',
      samples: [sample],
      decode: async (bytes) => {
        if (/"(n|r|p)":\d{3,}/.test(Buffer.from(bytes).toString('latin1'))) return undefined;
        writeFileSync(file, bytes);
        const trust = await RootOfTrust.open(parts, { databaseExists: true, passphrase });
        trust[Symbol.dispose]();
        return { rootKeyId: trust.rootKeyId };
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function protocolTarget(): FuzzTarget {
  const dataKey = { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(7) };
  const request = {
    id: 1,
    method: 'openExport',
    params: { diskId: 'd-1', dataKey, psk: new Uint8Array(32), pin: null },
  };
  const messages = [request, { id: 2, result: { info: {} } }, { event: 'pin', diskId: 'd-1', pin: { sequence: 3 } }];
  return {
    name: 'control message',
    samples: [...messages.map(encodeMessage), Buffer.concat(messages.map(encodeMessage))],
    fields: [
      [0, 4],
      [4, 4],
    ],
    decode: (bytes) => {
      const reader = new MessageReader();
      const at = bytes.length === 0 ? 0 : ((bytes[bytes.length - 1] ?? 0) * 31) % bytes.length;
      const read = [...reader.push(bytes.slice(0, at)), ...reader.push(bytes.slice(at))];
      return read.length === 0 ? undefined : { messages: read.length };
    },
  };
}

/** Parameters as `name=value` lines, for every described action. */
function apiTarget(): FuzzTarget {
  const actions = PRODUCTS.flatMap((product) => Object.entries(product.actions));
  const text = actions.map(([action, { request }]) => {
    const lines = Object.entries(request).flatMap(([name, shape]) =>
      typeof shape === 'string'
        ? [`${name}=${shape === 'number' ? '20' : 'true'}`]
        : [`${name}.1=x`, `${name}.1.Key=k`, `${name}.Category=c`, `${name}.2.Start=7`],
    );
    return Buffer.from([action, ...lines, '__proto__.1.x=1', 'constructor=1'].join('\n'), 'latin1');
  });
  const byName = new Map(actions);
  const [first] = byName.values();
  return {
    name: 'API parameters',
    samples: text,
    decode: (bytes) => {
      const [action = '', ...lines] = Buffer.from(bytes).toString('latin1').split('\n');
      const description = byName.get(action) ?? first;
      if (description === undefined) throw new Error('no action is described');
      const pairs = lines.map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, Math.max(0, at)), line.slice(at + 1)];
      });
      const { input, problem } = decodeInput(action, description, new Map(pairs));
      if ('polluted' in {} || 'x' in {}) throw new Error('a parameter changed every object');
      return problem === undefined ? input : undefined;
    },
  };
}

export function kmsTargets(): FuzzTarget[] {
  return [
    blobTarget('aes-256-gcm'),
    blobTarget('sm4-gcm'),
    sealedBytesTarget(),
    securityTokenTarget(),
    sessionTarget(),
    keyFileTarget(),
    protocolTarget(),
    apiTarget(),
  ];
}
