// No operation tells an account whether something of another account exists, or does anything to it. Generated from the
// registry and the descriptions: every operation, every parameter that is a text, every kind of thing that an account owns.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';

import type { Action } from '../../src/api/action.ts';
import type { Shape } from '../../src/api/description.ts';
import { describeAction } from '../../src/api/products.ts';
import { MALLORY, POLICY, TwoAccounts, VICTIM } from './two-accounts.ts';
import type { Answer, Belongings, Parameters } from './two-accounts.ts';

/** Something of the victim's, and something of the same form that does not exist. */
interface Pair {
  readonly kind: string;
  readonly foreign: string;
  readonly missing: string;
}

let world: TwoAccounts;
let theirs: Belongings;
let own: Belongings;
let pairs: readonly Pair[];

before(async () => {
  world = await TwoAccounts.open();
  theirs = await world.furnish(VICTIM, 'victim');
  own = await world.furnish(MALLORY, 'mallory');
  pairs = pairsOf(theirs);
});
after(async () => {
  await world[Symbol.asyncDispose]();
});

/** Replaces what makes an id unique by something of the same form. */
function missingLike(kind: string, value: string): string {
  if (kind === 'ciphertextBlob') {
    const blob = Buffer.from(value, 'base64');
    blob.write('ffff', 9, 'latin1');
    return blob.toString('base64');
  }
  if (value.includes('victim')) return value.replaceAll('victim', 'vapour');
  if (kind === 'marker') return value.slice(0, 8) + (value[8] === 'A' ? 'B' : 'A') + value.slice(9);
  const changed = value.replace(/[0-9A-Za-z]{6}$/, (tail) => (tail === 'aaaaaa' ? 'bbbbbb' : 'aaaaaa'));
  assert.notEqual(changed, value, `${kind} ${value} has no tail to change`);
  return changed;
}

function pairsOf(belongings: Belongings): readonly Pair[] {
  const found = Object.entries(belongings).map(([kind, foreign]) => ({
    kind,
    foreign,
    missing: missingLike(kind, foreign),
  }));
  // A foreign key under one's own account, too.
  const [key] = found.filter(({ kind }) => kind === 'keyId');
  assert.ok(key !== undefined);
  const arn = (keyId: string): string => `acs:kms:cn-hangzhou:${MALLORY}:key/${keyId}`;
  return [...found, { kind: 'keyInOwnArn', foreign: arn(key.foreign), missing: arn(key.missing) }];
}

/** Values that get an operation as far as its look-ups. By parameter; the account's own things where there are some. */
const plausible = (name: string): string | undefined =>
  (
    ({
      KeyId: own['keyId'],
      AliasName: own['aliasName'],
      CiphertextBlob: own['ciphertextBlob'],
      DestinationKeyId: own['keyId'],
      KeyVersionId: own['keyVersionId'],
      DiskId: own['diskId'],
      SnapshotId: own['snapshotId'],
      ImageId: own['imageId'],
      ExportId: own['exportId'],
      TransferId: own['transferId'],
      RoleName: own['roleName'],
      RoleArn: own['roleArn'],
      PolicyName: own['policyName'],
      PolicyType: 'Custom',
      UserName: own['userName'],
      GroupName: own['groupName'],
      UserAccessKeyId: own['accessKeyId'],
      RoleSessionName: 'session',
      Plaintext: 'c2VjcmV0',
      PolicyDocument: POLICY,
      Policy:
        '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"RAM":"acs:ram::1:*"}}]}',
      AssumeRolePolicyDocument:
        '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}]}',
      PendingWindowInDays: '7',
      ZoneId: 'cn-hangzhou-b',
      Size: '20',
      NewSize: '40',
      DiskCategory: 'cloud_essd',
      VersionId: 'v1',
      Status: 'Active',
      Password: 'Correct-horse-7',
      ResourceType: 'key',
      Tags: '[{"TagKey":"k","TagValue":"v"}]',
      TagKeys: '["k"]',
    }) as Readonly<Record<string, string | undefined>>
  )[name];

const anyValue = (shape: Shape | undefined): string =>
  shape === 'number' ? '7' : shape === 'boolean' ? 'true' : 'text';

/** What a parameter makes sense with. */
const COMPANIONS: Readonly<Record<string, () => Parameters>> = {
  KMSKeyId: () => ({ Encrypted: 'true' }),
  SourceKeyId: () => source(),
  SourceKeyVersionId: () => source(),
};

const ownDisk = (): Parameters => ({ ResourceType: 'disk' });
const rsa = (): Parameters => ({ KeyId: own['rsaKeyId'] ?? '', KeyVersionId: own['rsaKeyVersionId'] ?? '' });
const signing = (): Parameters => ({
  KeyId: own['signingKeyId'] ?? '',
  KeyVersionId: own['signingKeyVersionId'] ?? '',
});
const source = (): Parameters => ({
  SourceKeyId: own['rsaKeyId'] ?? '',
  SourceKeyVersionId: own['rsaKeyVersionId'] ?? '',
  SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
});

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const WRAPPING = {
  WrappingKeySpec: 'RSA_2048',
  WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
  PublicKeyBlob: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
};
const SOME_BYTES = 'c2VjcmV0';
const DIGEST = Buffer.alloc(32).toString('base64');

/** What an operation needs for its look-ups, beside what is plausible anywhere. */
const needed = ({ product, name }: Action): Parameters | undefined =>
  (
    ({
      CreateDisk: { ZoneId: 'cn-hangzhou-b', DiskCategory: 'cloud_essd', Size: '20' },
      ModifyDiskAttribute: { DiskName: 'a-name' },
      ModifySnapshotAttribute: { SnapshotName: 'a-name' },
      ModifyImageAttribute: { Description: 'a description' },
      ModifyImageSharePermission: { 'RemoveAccount.1': '8999999999999999' },
      'ecs TagResources': { ...ownDisk(), 'ResourceId.1': own['diskId'] ?? '', 'Tag.1.Key': 'k' },
      'ecs UntagResources': { ...ownDisk(), 'ResourceId.1': own['diskId'] ?? '', 'TagKey.1': 'k' },
      'ecs ListTagResources': ownDisk(),
      'ecs AddTags': { ...ownDisk(), ResourceId: own['diskId'] ?? '', 'Tag.1.Key': 'k' },
      'ecs RemoveTags': { ...ownDisk(), ResourceId: own['diskId'] ?? '', 'Tag.1.Key': 'k' },
      // No snapshot of this one is exported.
      RotateDiskDataKey: { DiskId: own['exportedDiskId'] ?? '' },
      GenerateAndExportDataKey: WRAPPING,
      ExportDataKey: WRAPPING,
      GetParametersForImport: { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' },
      ImportKeyMaterial: { EncryptedKeyMaterial: SOME_BYTES, ImportToken: SOME_BYTES, KeyMaterialExpireUnix: '0' },
      AsymmetricEncrypt: { ...rsa(), Algorithm: 'RSAES_OAEP_SHA_256', Plaintext: SOME_BYTES },
      AsymmetricDecrypt: { ...rsa(), Algorithm: 'RSAES_OAEP_SHA_256', CiphertextBlob: SOME_BYTES },
      AsymmetricSign: { ...signing(), Algorithm: 'ECDSA_SHA_256', Digest: DIGEST },
      AsymmetricVerify: { ...signing(), Algorithm: 'ECDSA_SHA_256', Digest: DIGEST, Value: SOME_BYTES },
      GetPublicKey: signing(),
      GenerateMac: { Algorithm: 'HMAC_SHA_256', Message: SOME_BYTES },
      VerifyMac: { Algorithm: 'HMAC_SHA_256', Message: SOME_BYTES, Mac: DIGEST },
      UpdateRotationPolicy: { EnableAutomaticRotation: 'true', RotationInterval: '30d' },
    }) as Readonly<Record<string, Parameters>>
  )[product === 'ecs' && name.includes('Tag') ? `ecs ${name}` : name];

function parametersFor(action: Action, tested: string, shape: Shape, value: string): Parameters {
  const description = describeAction(action.product, action.name);
  assert.ok(description !== undefined);
  const rest = description.required
    .filter((name) => name !== tested && !Object.keys(needed(action) ?? {}).some((key) => key.startsWith(`${name}.`)))
    .map((name) => [name, plausible(name) ?? anyValue(description.request[name])]);
  const isList = typeof shape !== 'string';
  const isJsonList = !isList && tested.endsWith('Ids');
  return {
    ...Object.fromEntries(rest),
    ...needed(action),
    ...Object.fromEntries(
      Object.entries(COMPANIONS[tested]?.() ?? {}).filter(([name]) => description.request[name] !== undefined),
    ),
    ...(action.name === 'StartReceive' && tested !== 'TransferId' ? { Header: headerFor(tested) } : {}),
    [isList ? `${tested}.1` : tested]: isJsonList ? JSON.stringify([value]) : value,
  };
}

/** A disk is named with a stream of changes only. */
const headerFor = (tested: string): string =>
  world.streamHeader(own[tested === 'DiskId' ? 'incrementTransferId' : 'transferId'] ?? '');

const isText = (shape: Shape): boolean => shape === 'string' || (Array.isArray(shape) && shape[0] === 'string');
/** Names of parameters that name things. The other texts are tried with a few kinds only. */
const REFERENCE = /(?:Ids?|Arns?|Names?|Blob|Token|Marker|Identity|Resource)$/i;
const FOR_OTHER_TEXTS = new Set(['keyArn', 'diskId', 'roleName']);
const NOT_A_REFERENCE = new Set(['ClientToken', 'RegionId', 'Format', 'Header', 'Passphrase']);

/** The answer without what names the thing that was asked for, and without what is new in each answer. */
function comparable(answer: Answer, pair: Pair, value: string): string {
  const names = [value, ...value.split(/[/:]/)]
    .filter((part) => part.length > 5)
    .toSorted((a, b) => b.length - a.length);
  let message = answer.message;
  for (const name of names) message = message.replaceAll(new RegExp(escaped(name), 'gi'), '…');
  return JSON.stringify([answer.status, answer.code, message, skeleton(answer.body)], undefined, 1).replaceAll(
    pair.kind,
    'kind',
  );
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Names, numbers, flags and lengths of lists; texts by their lengths only, since ids and times differ. */
function skeleton(value: unknown): unknown {
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return value.map((item) => skeleton(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, skeleton(member)]));
}

/** Codes of refusals that come before anything is looked up. */
const TOO_EARLY = /^(?:MissingParam|UnsupportedParameter|Forbidden\.RAM|Throttling)/;

test('the world has what the table needs', () => {
  assert.ok(pairs.length >= 15, pairs.map(({ kind }) => kind).join(', '));
  assert.ok(world.actions.length >= 40);
});

test('every operation answers what belongs to somebody else like what does not exist, and does nothing to it', async (context) => {
  const texts = world.actions.flatMap((action) => {
    const request = Object.entries(describeAction(action.product, action.name)?.request ?? {});
    return request
      .filter(([name, shape]) => isText(shape) && !NOT_A_REFERENCE.has(name))
      .map(([name, shape]) => ({ action, name, shape }));
  });
  // What reads comes before what writes, so that what is made on the way hides nothing.
  const reads = (action: Action): boolean => /^(?:Describe|Get|List)/.test(action.name);
  const ordered = texts.toSorted((a, b) => Number(reads(b.action)) - Number(reads(a.action)));
  const before = await world.rowsOf(VICTIM, theirs);
  let calls = 0;
  let lookedUp = 0;
  let worked = 0;
  for (const { action, name, shape } of ordered) {
    const operation = `${action.product} ${action.name} ${name}`;
    for (const pair of REFERENCE.test(name) ? pairs : pairs.filter(({ kind }) => FOR_OTHER_TEXTS.has(kind))) {
      const ask = async (value: string): Promise<readonly [Answer, string]> => {
        world.work = [];
        const answer = await world.call(
          MALLORY,
          action.product,
          action.name,
          parametersFor(action, name, shape, value),
        );
        calls += 1;
        return [answer, `${comparable(answer, pair, value)} work: ${world.work.join()}`];
      };
      const [foreign, foreignShown] = await ask(pair.foreign);
      const [, missingShown] = await ask(pair.missing);
      // What the first call did to the caller's own things, the second finds done.
      const isDone = foreignShown !== missingShown && foreign.status === 200 && !reads(action);
      const shownAgain = isDone ? (await ask(pair.foreign))[1] : foreignShown;
      assert.equal(shownAgain, missingShown, `${operation} = ${pair.kind} ${pair.foreign}`);
      assert.notEqual(foreign.status, 500, `${operation} = ${pair.kind}: ${foreign.message}`);
      const shown = JSON.stringify(foreign.body).replaceAll(pair.foreign, 'what was sent');
      assert.ok(!shown.includes(VICTIM) && !shown.includes('secret of'), `${operation} = ${pair.kind}: ${shown}`);
      if (!TOO_EARLY.test(foreign.code)) lookedUp += 1;
      if (world.work.length > 0) worked += 1;
    }
    assert.equal(await world.rowsOf(VICTIM, theirs), before, `${operation} changed something of somebody else's`);
  }
  context.diagnostic(`${texts.length} parameters of ${world.actions.length} operations, ${calls} calls`);
  // Otherwise the comparison of work would compare nothing.
  assert.ok(worked > 20, `${worked} calls did something`);
  assert.ok(lookedUp > calls / 4, `only ${lookedUp} of ${calls} calls came as far as a look-up`);
});

/** For each parameter that names something, the kind that it names. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/^(?:KMS|Source|Destination)?KeyId$/, 'keyId'],
  [/KeyVersionId$/, 'keyVersionId'],
  [/^CiphertextBlob$/, 'ciphertextBlob'],
  [/^DiskId$|^DiskIds$/, 'diskId'],
  [/SnapshotId$|^SnapshotIds$/, 'snapshotId'],
  [/^ImageId$/, 'imageId'],
  [/^ExportId$/, 'exportId'],
  [/^TransferId$/, 'transferId'],
  [/^RoleName$/, 'roleName'],
  [/^RoleArn$/, 'roleArn'],
  [/^UserName$/, 'userName'],
  [/^GroupName$/, 'groupName'],
  [/^UserAccessKeyId$/, 'accessKeyId'],
];

function listLengths(value: unknown): readonly number[] {
  if (Array.isArray(value)) return [value.length, ...value.flatMap(listLengths)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(listLengths) : [];
}

/** Operations whose parameter of that name makes something, or names nothing that could be looked up. */
const MAKES = new Set(['CreateRole', 'CreateUser', 'CreateGroup', 'CreatePolicy']);

/**
 * Not looked up: the key of a stream that is received is asked for when the stream is applied; what was encrypted under a
 * public key says nothing of its key.
 */
const NOT_LOOKED_UP = new Set(['StartReceive KeyId', 'AsymmetricDecrypt CiphertextBlob']);

/** Deleting what is not there succeeds. Source: SDK, DeleteSnapshot; DeleteDisk. */
const IGNORE_UNKNOWN = new Set(['DeleteDisk', 'DeleteSnapshot', 'DeleteImage']);

test('every parameter that names something finds nothing of somebody else: not found, no permission, or an empty list', async () => {
  const seen = new Set<string>();
  const strange: string[] = [];
  for (const action of world.actions) {
    if (MAKES.has(action.name)) continue;
    for (const [name, shape] of Object.entries(describeAction(action.product, action.name)?.request ?? {})) {
      const kind = NAMED.find(([pattern]) => pattern.test(name))?.[1];
      const pair = pairs.find((candidate) => candidate.kind === kind);
      if (pair === undefined || !isText(shape) || NOT_LOOKED_UP.has(`${action.name} ${name}`)) continue;
      const parameters = parametersFor(action, name, shape, pair.foreign);
      const { status, code, message, body } = await world.call(MALLORY, action.product, action.name, parameters);
      const lists = listLengths(body);
      const isEmpty = status === 200 && lists.length > 0 && lists.every((length) => length === 0);
      const isIgnored = status === 200 && IGNORE_UNKNOWN.has(action.name) && Object.keys(body).length === 0;
      seen.add(pair.kind);
      if (isEmpty || isIgnored || /NotFound|NotExist|NoPermission/.test(code)) continue;
      strange.push(`${action.product} ${action.name} ${name}: ${status} ${code} ${message} ${JSON.stringify(body)}`);
    }
  }
  assert.deepEqual(strange, []);
  assert.ok(seen.size >= 7, [...seen].join());
});
