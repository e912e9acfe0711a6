/**
 * `npm run demo`: one encrypted disk's life, on a server of its own, with the vendor's SDKs and real tools only.
 * Exits non-zero when anything does not hold.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import Ecs, * as ecs from '@alicloud/ecs20140526';
import Ram, * as ram from '@alicloud/ram20150501';
import Kms from '@alicloud/pop-core';
import { Config } from '@alicloud/openapi-client';

import { ensureTools } from './debian-packages.ts';
import { filesBelow, PlaintextRuns, RUN_BYTES } from './demo/plaintext-search.ts';
import { REPOSITORY, runProgram, TestServer, toolEnvironment, until } from '../test/support/start-server.ts';

const REGION = 'cn-hangzhou';
const ZONE = 'cn-hangzhou-b';
const DISK_GIB = 1;

const ROLE = 'AliyunECSDiskEncryptDefaultRole';
const ROLE_POLICY = 'AliyunECSDiskEncryptRolePolicy';
const TRUST = JSON.stringify({
  Version: '1',
  Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } }],
});

interface Exported {
  readonly ExportId: string;
  readonly Uri: string;
  readonly UnixUri: string;
  readonly pskFile: string;
}

let step = 0;
function heading(text: string): void {
  step += 1;
  process.stdout.write(`\n${String(step).padStart(2)}. ${text}\n`);
}
function say(text: string): void {
  process.stdout.write(`    ${text}\n`);
}
function must(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`does not hold: ${promise}`);
  say(`✔ ${promise}`);
}

async function tool(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited ${code}: ${stderr}`);
  return stdout;
}

/** The refusal's code and status, or a failure when the call was not refused. */
async function refusal(call: Promise<unknown>): Promise<{ code: string; status: number }> {
  try {
    await call;
  } catch (error) {
    const { code, statusCode, data } = error as {
      code?: string;
      statusCode?: number;
      data?: { statusCode?: number; httpCode?: number };
    };
    return { code: code ?? String(error), status: statusCode ?? data?.statusCode ?? data?.httpCode ?? 0 };
  }
  throw new Error('does not hold: the call was to be refused and was not');
}

function folderBytes(folder: string): number {
  return filesBelow(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}

async function demonstrate(scratch: string): Promise<void> {
  heading('Start a server: no configuration, a data directory of its own');
  const dataDirectory = path.join(scratch, 'data');
  const started = performance.now();
  await using server = await TestServer.start({ dataDirectory });
  say(
    `ready in ${((performance.now() - started) / 1000).toFixed(2)} s on 127.0.0.1:${server.apiPort}, NBD with TLS on 127.0.0.1:${server.nbdPort}`,
  );

  const { accessKeyId, accessKeySecret } = server.credentials;
  const endpoint = `127.0.0.1:${server.apiPort}`;
  const config = new Config({ accessKeyId, accessKeySecret, endpoint, protocol: 'http', regionId: REGION });
  const disks = new Ecs.default(config as never);
  const roles = new Ram.default(config as never);
  const keys = new Kms({ accessKeyId, accessKeySecret, endpoint: `http://${endpoint}`, apiVersion: '2016-01-20' });
  const kms = <T>(action: string, parameters: object = {}): Promise<T> =>
    keys.request<T>(action, { RegionId: REGION, ...parameters }, { method: 'POST' });

  const createDisk = async (name: string, more: object): Promise<string> => {
    const request = new ecs.CreateDiskRequest({
      regionId: REGION,
      zoneId: ZONE,
      diskCategory: 'cloud_essd',
      performanceLevel: 'PL0',
      size: DISK_GIB,
      diskName: name,
      ...more,
    });
    const { body } = await disks.createDisk(request);
    return body?.diskId ?? '';
  };
  const exportDisk = (diskId: string, ...more: string[]): Promise<Exported> =>
    server.json<Exported>('export', diskId, ...more);
  const tls = ({ Uri, pskFile }: Exported): string => `${Uri}?tls-psk-file=${pskFile}`;
  const download = async (exported: Exported, to: string): Promise<void> => {
    rmSync(to, { force: true });
    await tool('nbdcopy', tls(exported), to);
  };

  heading('Open KMS in the region; a disk without a key of its own uses the service key');
  const before = await refusal(createDisk('too-early', { encrypted: true }));
  must(
    before.code === 'InvalidParameter.KmsNotEnabled',
    `before KMS is open an encrypted disk is refused: ${before.status} ${before.code}`,
  );
  await kms('OpenKmsService');
  const aesDisk = await createDisk('aes', { encrypted: true });
  const aliases = await kms<{ Aliases: { Alias: { AliasName: string; KeyId: string }[] } }>('ListAliases');
  const service = aliases.Aliases.Alias.find(({ AliasName }) => AliasName === 'alias/acs/ecs');
  must(service !== undefined, `${aesDisk} is encrypted under the service key, which now exists as alias/acs/ecs`);

  heading("A disk under the user's own SM4 key needs the role that lets ECS use it");
  const created = await kms<{ KeyMetadata: { KeyId: string } }>('CreateKey', {
    KeySpec: 'Aliyun_SM4',
    Description: 'demonstration',
  });
  const sm4Key = created.KeyMetadata.KeyId;
  const noRole = await refusal(createDisk('sm4', { encrypted: true, KMSKeyId: sm4Key }));
  must(
    noRole.code === 'InvalidParameter.KMSKeyId.KMSUnauthorized',
    `without ${ROLE} it is refused: ${noRole.status} ${noRole.code}`,
  );
  await roles.createRole(new ram.CreateRoleRequest({ roleName: ROLE, assumeRolePolicyDocument: TRUST }));
  await roles.attachPolicyToRole(
    new ram.AttachPolicyToRoleRequest({ policyType: 'System', policyName: ROLE_POLICY, roleName: ROLE }),
  );
  const sm4Disk = await createDisk('sm4', { encrypted: true, KMSKeyId: sm4Key });
  must(sm4Disk !== '', `with the role ${sm4Disk} is created, encrypted with SM4`);

  heading('A real ext4 file system from a real folder, copied into both disks over TLS');
  const folder = path.join(scratch, 'folder');
  mkdirSync(folder);
  cpSync(path.join(REPOSITORY, 'node_modules/fast-check'), path.join(folder, 'sources'), { recursive: true });
  writeFileSync(path.join(folder, 'random.bin'), randomBytes(48 * 1024 * 1024));
  const image = path.join(scratch, 'input.img');
  await tool('mke2fs', '-q', '-F', '-t', 'ext4', '-d', folder, image, `${DISK_GIB}G`);
  const aes = await exportDisk(aesDisk);
  const sm4 = await exportDisk(sm4Disk);
  for (const [name, exported] of [
    ['AES-256', aes],
    ['SM4', sm4],
  ] as const) {
    const from = performance.now();
    await tool('nbdcopy', '--flush', image, tls(exported));
    say(`nbdcopy into the ${name} disk: ${((performance.now() - from) / 1000).toFixed(1)} s`);
  }
  const back = path.join(scratch, 'back.img');
  for (const [name, exported] of [
    ['AES-256', aes],
    ['SM4', sm4],
  ] as const) {
    await download(exported, back);
    await tool('cmp', image, back);
    must(true, `the ${name} disk gives back the image, bit by bit`);
  }

  heading('Kill the disk server in the middle of a second copy');
  const [victim = 0] = await server.diskServerPids();
  const sizeBefore = folderBytes(path.join(dataDirectory, 'disks', aesDisk));
  const copy = spawn('nbdcopy', [image, tls(aes)], { stdio: 'ignore', env: toolEnvironment() });
  const copied = new Promise<number | null>((resolve) => copy.once('exit', resolve));
  await until(
    'the second copy to be under way',
    () => folderBytes(path.join(dataDirectory, 'disks', aesDisk)) > sizeBefore + 16 * 1024 * 1024,
  );
  process.kill(victim, 'SIGKILL');
  must((await copied) !== 0, `process ${victim} is gone, and nbdcopy noticed`);
  await until('a new disk server', async () => (await server.diskServerPids()).some((pid) => pid !== victim));
  await until('the export to be back', async () => (await runProgram('nbdinfo', ['--size', tls(aes)])).code === 0);
  must(true, 'the disk server is back, and the export with it: same name, same secret');
  await download(aes, back);
  await tool('cmp', image, back);
  must(true, 'what was flushed is there, bit by bit');
  await tool('e2fsck', '-fn', back);
  must(true, 'e2fsck -fn finds nothing');

  heading('A snapshot, and a disk from it');
  const { body: snapshotBody } = await disks.createSnapshot(
    new ecs.CreateSnapshotRequest({ diskId: aesDisk, snapshotName: 'demonstration' }),
  );
  const snapshotId = snapshotBody?.snapshotId ?? '';
  const clone = await createDisk('clone', { snapshotId });
  const cloneExport = await exportDisk(clone);
  await download(cloneExport, back);
  await tool('cmp', image, back);
  must(true, `${clone}, made from ${snapshotId}, holds the same bits`);
  await server.json('unexport', cloneExport.ExportId);

  heading(`No ${RUN_BYTES}-byte run of the input stands in the data directory`);
  const runs = new PlaintextRuns(filesBelow(folder));
  const seen = runs.findIn(dataDirectory);
  must(
    runs.count > 1_000_000 && seen === undefined,
    `${runs.count.toLocaleString('en')} runs looked for at every byte of ${Math.round(folderBytes(dataDirectory) / 1e6)} MB${seen === undefined ? '' : `: found in ${seen}`}`,
  );
  // The search kept this thread: a connection that the server closed meanwhile is noticed only now.
  await sleep(50);

  heading('Disable the key: what is open goes on, what is closed stays closed');
  await kms('DisableKey', { KeyId: sm4Key });
  await tool('nbdcopy', '--flush', image, tls(sm4));
  await download(sm4, back);
  await tool('cmp', image, back);
  must(true, 'the open SM4 disk still writes and reads');
  await server.json('unexport', sm4.ExportId);
  const closed = await server.sealdisk('export', sm4Disk, '--json');
  must(
    closed.code !== 0 && closed.stderr.includes('InvalidParameter.KMSKeyId.CMKNotEnabled'),
    `once closed it does not open: 403 InvalidParameter.KMSKeyId.CMKNotEnabled`,
  );
  await kms('EnableKey', { KeyId: sm4Key });
  const reopened = await exportDisk(sm4Disk);
  await download(reopened, back);
  await tool('cmp', image, back);
  must(true, 'enabled again, the data is back');
  await server.json('unexport', reopened.ExportId);
  await server.json('unexport', aes.ExportId);
}

const missing = ensureTools();
if (missing.length > 0) {
  process.stderr.write(
    `the demonstration needs ${[...new Set(missing.map(({ debianPackage }) => debianPackage))].join(' ')}: apt-get install them\n`,
  );
  process.exit(1);
}
const scratch = mkdtempSync(path.join(tmpdir(), 'sealdisk-demo-'));
try {
  const started = performance.now();
  await demonstrate(scratch);
  process.stdout.write(`\nAll of it holds (${((performance.now() - started) / 1000).toFixed(0)} s).\n`);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
