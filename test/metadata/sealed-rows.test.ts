import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { accessKeyUses } from '../../src/metadata/access-key-uses.ts';
import { accessKeys } from '../../src/metadata/access-keys.ts';
import { accountAliases } from '../../src/metadata/account-aliases.ts';
import { accounts } from '../../src/metadata/accounts.ts';
import { aliases } from '../../src/metadata/aliases.ts';
import type { Columns, EntityOf } from '../../src/metadata/columns.ts';
import { destroyedKeys } from '../../src/metadata/destroyed-keys.ts';
import { diskEncryptionDefaults } from '../../src/metadata/disk-encryption-defaults.ts';
import { disks } from '../../src/metadata/disks.ts';
import { diskExports } from '../../src/metadata/exports.ts';
import { imageExports } from '../../src/metadata/image-exports.ts';
import { imageSnapshots, images } from '../../src/metadata/images.ts';
import { groupMembers, groups } from '../../src/metadata/groups.ts';
import { imageShares } from '../../src/metadata/image-shares.ts';
import { keyVersions } from '../../src/metadata/key-versions.ts';
import { keys } from '../../src/metadata/keys.ts';
import { kmsServices } from '../../src/metadata/kms-services.ts';
import { loginProfiles } from '../../src/metadata/login-profiles.ts';
import { policies, policyVersions } from '../../src/metadata/policies.ts';
import { policyAttachments } from '../../src/metadata/policy-attachments.ts';
import { roles } from '../../src/metadata/roles.ts';
import { RowSeal } from '../../src/metadata/sealed-rows.ts';
import { sessionEnds } from '../../src/metadata/session-ends.ts';
import { settings } from '../../src/metadata/settings.ts';
import { diskRotations } from '../../src/metadata/disk-rotations.ts';
import { snapshotExports } from '../../src/metadata/snapshot-exports.ts';
import { snapshots } from '../../src/metadata/snapshots.ts';
import type { SealedTable } from '../../src/metadata/table.ts';
import { tokenKeys } from '../../src/metadata/token-keys.ts';
import { receivedStates, transfers } from '../../src/metadata/transfers.ts';
import { users } from '../../src/metadata/users.ts';
import { ACCOUNT, ROW_KEYS, aDisk, anImage, aSnapshot, openTestDatabase } from './support.ts';

interface Sample {
  readonly table: SealedTable<Columns, string>;
  readonly row: EntityOf<Columns>;
}

/** Every column filled, so that every column can be edited. */
function sample<C extends Columns, Key extends keyof C & string>(table: SealedTable<C, Key>, row: EntityOf<C>): Sample {
  return { table: table as unknown as Sample['table'], row };
}

const SAMPLES: readonly Sample[] = [
  sample(settings, { name: 'a', value: 'b' }),
  sample(accounts, { accountId: ACCOUNT, regionId: 'cn-hangzhou', createdMs: 1 }),
  sample(accessKeys, {
    accessKeyId: 'LTAI1',
    accountId: ACCOUNT,
    userName: 'alice',
    secretSealed: new Uint8Array([1]),
    status: 'Active',
    createdMs: 1,
  }),
  sample(diskEncryptionDefaults, { accountId: ACCOUNT, regionId: 'cn-hangzhou', kmsKeyId: 'key-1' }),
  sample(imageShares, { imageId: 'm-1', accountId: ACCOUNT, sharedMs: 1 }),
  sample(roles, {
    accountId: ACCOUNT,
    roleNameLower: 'r',
    roleName: 'R',
    roleId: '3',
    description: 'd',
    trustPolicy: '{}',
    maxSessionDurationS: 3600,
    tags: [],
    createdMs: 1,
    updatedMs: 2,
  }),
  sample(policies, {
    accountId: ACCOUNT,
    policyName: 'p',
    description: 'd',
    defaultVersion: 'v1',
    tags: [],
    createdMs: 1,
    updatedMs: 2,
    versionsMade: 3,
  }),
  sample(policyVersions, { accountId: ACCOUNT, policyName: 'p', versionId: 'v1', document: '{}', createdMs: 1 }),
  sample(policyAttachments, {
    accountId: ACCOUNT,
    principalType: 'role',
    principalName: 'r',
    policyType: 'Custom',
    policyName: 'p',
    attachedMs: 1,
  }),
  sample(accessKeyUses, { accessKeyId: 'LTAI1', usedMs: 1 }),
  sample(accountAliases, { accountId: ACCOUNT, alias: 'a' }),
  sample(users, {
    accountId: ACCOUNT,
    userNameLower: 'u',
    userName: 'U',
    userId: '2',
    displayName: 'd',
    mobilePhone: '86-1',
    email: 'e',
    comments: 'c',
    createdMs: 1,
    updatedMs: 2,
  }),
  sample(groups, {
    accountId: ACCOUNT,
    groupNameLower: 'g',
    groupName: 'G',
    groupId: '4',
    comments: 'c',
    createdMs: 1,
    updatedMs: 2,
  }),
  sample(groupMembers, { accountId: ACCOUNT, groupNameLower: 'g', userNameLower: 'u', joinedMs: 1 }),
  sample(loginProfiles, {
    userId: '2',
    accountId: ACCOUNT,
    passwordSealed: new Uint8Array([1]),
    passwordResetRequired: true,
    mfaBindRequired: false,
    createdMs: 1,
  }),
  sample(kmsServices, { accountId: ACCOUNT, regionId: 'cn-hangzhou', openedMs: 1 }),
  sample(keys, {
    keyId: 'k',
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    keySpec: 'Aliyun_SM4',
    keyUsage: 'ENCRYPT/DECRYPT',
    origin: 'Aliyun_KMS',
    protectionLevel: 'SOFTWARE',
    keyState: 'Disabled',
    description: 'd',
    creator: ACCOUNT,
    creatorType: 'User',
    primaryVersionId: 'v',
    automaticRotation: true,
    rotationIntervalS: 86_400,
    lastRotationMs: 1,
    nextRotationMs: 2,
    materialExpireMs: 3,
    materialImportedMs: 2,
    materialCheck: new Uint8Array([1]),
    deletionProtection: false,
    deletionProtectionDescription: 'd',
    tags: [],
    policy: '{}',
    createdMs: 1,
    deleteMs: 4,
  }),
  sample(keyVersions, { keyVersionId: 'v', keyId: 'k', materialSealed: new Uint8Array([1]), createdMs: 1 }),
  sample(destroyedKeys, {
    keyId: 'gone',
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    keyVersionIds: ['v'],
    destroyedMs: 5,
  }),
  sample(aliases, { accountId: ACCOUNT, regionId: 'cn-hangzhou', aliasName: 'alias/a', keyId: 'k', createdMs: 1 }),
  sample(disks, aDisk()),
  sample(snapshots, aSnapshot()),
  sample(images, anImage()),
  sample(imageExports, {
    taskId: 't-1',
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    imageId: 'm-1',
    bucket: 'b',
    prefix: 'p',
    format: 'raw',
    status: 'Failed',
    progress: 1,
    failure: { code: 'x', message: 'y' },
    createdMs: 1,
  }),
  sample(imageSnapshots, { imageId: anImage().imageId, snapshotId: 's-1' }),
  sample(diskExports, {
    exportId: 'e',
    diskId: aDisk().diskId,
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    name: 'n',
    readOnly: false,
    pskIdentity: 'i',
    pskSealed: new Uint8Array([1]),
    bootId: 'b',
    status: 'Serving',
    createdMs: 1,
  }),
  sample(snapshotExports, {
    exportId: 'f',
    snapshotId: aSnapshot().snapshotId,
    baseSnapshotId: aSnapshot().snapshotId,
    diskId: aDisk().diskId,
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    name: 'n',
    pskIdentity: 'j',
    pskSealed: new Uint8Array([1]),
    bootId: 'b',
    status: 'Serving',
    createdMs: 1,
  }),
  sample(diskRotations, {
    diskId: aDisk().diskId,
    status: 'Committing',
    encrypted: true,
    kmsKeyId: 'k',
    suite: 'sm4-gcm',
    wrappedKey: new Uint8Array([1]),
    wrappedBy: 'kms',
    paused: false,
    startedMs: 1,
  }),
  sample(transfers, {
    transferId: 't',
    accountId: ACCOUNT,
    regionId: 'cn-hangzhou',
    kind: 'receive',
    status: 'Open',
    streamId: '00',
    suite: 'aes-256-gcm',
    key: { by: 'kms', kmsKeyId: 'k', blob: '00' },
    header: new Uint8Array([1]),
    snapshotId: 's',
    baseSnapshotId: 'b',
    diskId: 'd',
    target: { encrypted: true, keyId: 'k', zoneId: 'z', name: 'n' },
    failure: { code: 'c', message: 'm' },
    pskIdentity: 'i',
    pskSealed: new Uint8Array([1]),
    createdMs: 1,
    expiresMs: 2,
  }),
  sample(receivedStates, {
    snapshotId: 's',
    accountId: ACCOUNT,
    diskId: 'd',
    identity: '00',
    sourceDiskId: 'd2',
    sourceSnapshotId: 's2',
    receivedMs: 1,
  }),
  sample(sessionEnds, { roleId: '3', accountId: ACCOUNT, endedMs: 1 }),
  sample(tokenKeys, { purpose: 'p', keySealed: new Uint8Array([1]) }),
];

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A cell of the same type with another value. */
function edited(cell: unknown): string | number | Uint8Array {
  if (typeof cell === 'number') return cell + 1;
  if (cell instanceof Uint8Array) return Uint8Array.of(...cell, 0);
  return `${String(cell)}x`;
}

test('every sealed table refuses a row of which any single cell was edited or emptied', async () => {
  await using opened = await openTestDatabase();
  const { database, file } = opened;
  await database.transact(async (transaction) => {
    for (const { table, row } of SAMPLES) await table.insert(transaction, row);
  });
  const raw = new DatabaseSync(file);
  raw.exec('pragma foreign_keys = off');
  let edits = 0;
  for (const { table, row } of SAMPLES) {
    const name = snake(table.name);
    assert.deepEqual(await table.find(database.read, row), row, `${name} reads back`);
    const where = table.key.map((column) => `${snake(column)} = '${String(row[column])}'`).join(' and ');
    const stored = raw.prepare(`select rowid as place, * from ${name} where ${where}`).get() as Record<string, never>;
    const place = Number(stored['place']);
    const columns = Object.keys(stored).filter((column) => column !== 'place');
    assert.equal(columns.length, Object.keys(table.columns).length + 1, `${name} has its columns and the MAC`);
    for (const column of columns) {
      assert.notEqual(stored[column], null, `the sample of ${name} fills ${column}`);
      const notNull = raw.prepare(`select "notnull" as n from pragma_table_info(?) where name = ?`).get(name, column);
      for (const cell of notNull?.['n'] === 1 ? [edited(stored[column])] : [edited(stored[column]), null]) {
        raw.prepare(`update ${name} set ${column} = ? where rowid = ?`).run(cell, place);
        await assert.rejects(table.findAll(database.read, {}), (error: unknown) => {
          assert.ok(isKind(error, 'corrupt'), `${name}.${column}: ${String(error)}`);
          assert.equal(error.code, 'ROW_ALTERED');
          assert.ok(error.message.includes(`table ${table.name} `), error.message);
          return true;
        });
        raw.prepare(`update ${name} set ${column} = ? where rowid = ?`).run(stored[column] ?? null, place);
        edits += 1;
      }
    }
    assert.deepEqual(await table.find(database.read, row), row, `${name} reads back after the edits were undone`);
  }
  raw.close();
  assert.ok(edits > 120, `only ${edits} edits`);
});

test('every table with a MAC column is in the test above', async () => {
  await using opened = await openTestDatabase();
  const raw = new DatabaseSync(opened.file);
  const sealed = raw
    .prepare("select t.name as name from sqlite_schema t, pragma_table_info(t.name) c where c.name = 'mac' order by 1")
    .all()
    .map((row) => row['name']);
  raw.close();
  assert.deepEqual(sealed, SAMPLES.map(({ table }) => snake(table.name)).toSorted());
});

test('a row copied to another key or another table is refused', async () => {
  const seal = new RowSeal(ROW_KEYS);
  const mac = seal.mac('disks', { a: 'x' });
  assert.doesNotThrow(() => seal.verify('disks', 'x', { a: 'x', mac }));
  assert.throws(() => seal.verify('snapshots', 'x', { a: 'x', mac }), /Row x of table snapshots/);
  assert.throws(() => seal.verify('disks', 'y', { a: 'y', mac }), /Row y of table disks/);
});

test('the MAC tells types, names and boundaries of cells apart', () => {
  const seal = new RowSeal(ROW_KEYS);
  const rows = [
    { a: '1' },
    { a: 1 },
    { a: Buffer.from('1') },
    { b: '1' },
    { a: '1', b: '' },
    { a: '', b: '1' },
    { a: '', b: '' },
    { a: '' },
    {},
  ];
  const macs = rows.map((row) => Buffer.from(seal.mac('t', row)).toString('hex'));
  assert.equal(new Set(macs).size, rows.length);
  // An added nullable column leaves old rows valid.
  assert.deepEqual(seal.mac('t', { a: '1', later: null }), seal.mac('t', { a: '1' }));
  // Golden value: the encoding is a format on disk. The number of the key (u32, big endian); u32 lengths, little endian.
  assert.equal(
    Buffer.from(seal.mac('t', { b: 1, a: 'x' })).toString('hex'),
    '00000001bb4bca59380c238fb959683efca720272e2d0f5cb3f551c0566e85d395bf13fb',
  );
});

test('an update of an edited row is refused and changes nothing', async () => {
  await using opened = await openTestDatabase();
  const { database, file } = opened;
  const account = { accountId: ACCOUNT, regionId: 'cn-hangzhou', createdMs: 1 };
  await database.transact((transaction) => accounts.insert(transaction, account));
  const raw = new DatabaseSync(file);
  raw.exec("update accounts set region_id = 'cn-beijing'");
  await assert.rejects(
    database.transact((transaction) => accounts.update(transaction, { accountId: ACCOUNT }, { createdMs: 2 })),
    (error: unknown) => isKind(error, 'corrupt') && error.code === 'ROW_ALTERED',
  );
  assert.equal(raw.prepare('select created_ms as ms from accounts').get()?.['ms'], 1);
  raw.close();
});
