// GnuTLS clients with certificates made by openssl, against a whole server that is told its files on the command line.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Api } from '../../support/api.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { TestServer } from '../../support/start-server.ts';
import { must, run, skipWithout } from './tools.ts';

const skip = skipWithout('nbdinfo', 'qemu-img');
const authority = new TestAuthority();
let server: TestServer;
let exportName: string;
let diskId: string;

before(async () => {
  const { certificateFile, privateKeyFile } = authority.issueServer();
  const files = ['--nbd-certificate', certificateFile, '--nbd-key', privateKeyFile, '--nbd-client-ca', authority.file];
  server = await TestServer.start({ args: files });
  const api = new Api(server);
  diskId = await api.createDisk();
  exportName = (await api.exportDisk(diskId)).ExportName;
});
after(async () => {
  await server[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

const uri = (folder: string, name = exportName): string =>
  `nbds://127.0.0.1:${server.nbdPort}/${name}?tls-certificates=${folder}`;
const qemu = (folder: string): string[] => [
  '--object',
  `tls-creds-x509,id=t,endpoint=client,dir=${folder}`,
  '--image-opts',
  `driver=nbd,host=127.0.0.1,port=${server.nbdPort},export=${exportName},tls-creds=t`,
];

test('a certificate for a disk opens it with nbdinfo, nbdcopy and qemu-img', { skip }, async () => {
  const folder = authority.clientFolder(authority.issue('guest', `URI:sealdisk:disk:${diskId}`));
  const info = JSON.parse(await must('nbdinfo', ['--json', uri(folder)])) as { TLS: boolean; exports: object[] };
  assert.equal(info.TLS, true);
  assert.equal(info.exports.length, 1);
  assert.match(await must('nbdinfo', ['--list', uri(folder, '')]), new RegExp(exportName));
  await must('nbdcopy', ['--', '[', 'nbdkit', '--exit-with-parent', 'pattern', '1M', ']', uri(folder)]);
  assert.match(await must('nbdinfo', ['--map', '--totals', uri(folder)]), /1048576 +0\.1% +0 +data/);
  assert.match(await must('qemu-img', ['info', ...qemu(folder)]), /virtual size: 1 GiB/);
});

test('a certificate for another disk, of another authority, and one that expired open nothing', { skip }, async () => {
  const other = authority.clientFolder(authority.issue('other', 'URI:sealdisk:disk:d-another'));
  assert.notEqual((await run('nbdinfo', [uri(other)])).code, 0);
  using stranger = new TestAuthority('another authority');
  const foreign = stranger.issue('guest', `URI:sealdisk:disk:${diskId}`);
  const expired = authority.issue('guest', `URI:sealdisk:disk:${diskId}`, { days: -1 });
  for (const issued of [foreign, expired]) {
    assert.notEqual((await run('nbdinfo', [uri(authority.clientFolder(issued))])).code, 0);
    assert.notEqual((await run('qemu-img', ['info', ...qemu(authority.clientFolder(issued))])).code, 0);
  }
});
