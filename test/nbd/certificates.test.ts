// TLS with certificates: who is let in, what it sees, and what happens when the files change.
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/log.ts';
import { silentLogger } from '../../src/base/log.ts';
import { CertificateFiles } from '../../src/nbd/certificate-files.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { TestAuthority } from '../support/certificates.ts';
import type { Issued } from '../support/certificates.ts';
import { serveMemory, until } from './fixture.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryExport } from './memory-export.ts';
import { RawPeer } from './raw-peer.ts';
import { encodeClientFlags, encodeOption } from '../../src/nbd/handshake-wire.ts';
import { NBD_OPT_STARTTLS } from '../../src/nbd/protocol.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('another authority');
after(() => {
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});
const server = authority.issueServer();
const forDisk = authority.issue('guest', 'URI:sealdisk:export:disk');

function recordingLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (fields: object, message?: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { log: { ...silentLogger, warn: note, error: note, info: note } as Logger, lines };
}

/** Files of the server's own, which a test may change. */
function files(name: string, log: Logger = silentLogger) {
  const at = (file: string): string => path.join(authority.folder, `${name}-${file}`);
  const paths = { certificate: at('cert.pem'), privateKey: at('key.pem'), authorities: at('ca.pem') };
  copyFileSync(server.certificateFile, paths.certificate);
  copyFileSync(server.privateKeyFile, paths.privateKey);
  copyFileSync(authority.file, paths.authorities);
  return { paths, certificates: new CertificateFiles(paths, log) };
}

const addressOf = (tcp: { host: string; port: number }, { certificate, privateKey }: Issued, ca = authority) => ({
  ...tcp,
  certificates: { authorities: ca.pem, certificate, privateKey },
});

test('a certificate that names an export opens that one, and a secret still opens its own', async () => {
  await using served = await serveMemory({ certificates: files('open').certificates });
  served.directory.add('other', new MemoryExport(4096));
  const address = addressOf(served.tcp, forDisk);
  assert.deepEqual(await NbdClient.list(address), ['disk']);
  await using client = await NbdClient.connect(address, 'disk');
  await client.write(0, Buffer.from('by certificate'), { fua: true });
  await assert.rejects(NbdClient.connect(address, 'other'), /no export of this name/);
  await using bySecret = await NbdClient.connect(served.secure, 'disk');
  assert.equal(Buffer.from(await bySecret.read(0, 14)).toString(), 'by certificate');
});

test('expired, foreign, misused and nameless certificates, and none at all, are refused with a plain line', async () => {
  const { log, lines } = recordingLog();
  await using served = await serveMemory({ certificates: files('refuse').certificates, log });
  const name = 'URI:sealdisk:export:disk';
  const nobody = { ...served.tcp, certificates: { authorities: authority.pem } };
  const cases = [
    [addressOf(served.tcp, authority.issue('late', name, { days: -1 })), 'CERT_HAS_EXPIRED'],
    [addressOf(served.tcp, stranger.issue('foreign', name)), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY'],
    [addressOf(served.tcp, authority.issue('server’s', name, { usage: 'serverAuth' })), 'INVALID_PURPOSE'],
    [addressOf(served.tcp, authority.issue('nameless', 'DNS:disk')), 'names neither a disk nor an export'],
    [addressOf(served.tcp, authority.issue('odd', 'DNS:a,URI:sealdisk:user:disk')), 'names neither a disk'],
    [nobody, 'PEER_DID_NOT_RETURN_A_CERTIFICATE'],
    [{ ...served.secure, psk: Buffer.alloc(32) }, 'DECRYPT|BINDER|BAD'],
  ] as const;
  for (const [address, reason] of cases) {
    const count = lines.length;
    await assert.rejects(NbdClient.connect(address, 'disk'), SystemError, reason);
    await until(() => lines.length > count);
    assert.match(lines[count] ?? '', /^a client was refused in the TLS handshake/);
    assert.match(lines[count] ?? '', new RegExp(reason));
    assert.equal(lines.length, count + 1);
  }
  assert.deepEqual(served.disk.calls, []);
});

test('the identity of a secret that was only offered opens nothing', async () => {
  await using served = await serveMemory({ certificates: files('offered').certificates });
  served.directory.add('other', new MemoryExport(4096), { identity: 'id.other', psk: Buffer.alloc(32, 1) });
  const { connect } = await import('node:tls');
  const peer = new RawPeer(served.tcp);
  await peer.take(18);
  peer.send(encodeClientFlags(3), encodeOption(NBD_OPT_STARTTLS));
  await peer.optionReply();
  peer.socket.removeAllListeners('data');
  const { certificate: cert, privateKey: key } = forDisk;
  const outcome = await new Promise<string>((resolve) => {
    const pskCallback = () => ({ identity: 'id.other', psk: Buffer.alloc(32, 2) });
    const socket = connect({ socket: peer.socket, rejectUnauthorized: false, cert, key, pskCallback });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('secureConnect', () => resolve('secure'));
  });
  assert.equal(outcome, 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR');
});

test('a client does not talk to a server that another authority vouches for', async () => {
  await using served = await serveMemory({ certificates: files('client').certificates });
  await assert.rejects(
    NbdClient.connect(addressOf(served.tcp, forDisk, stranger), 'disk'),
    /TLS with the server failed/,
  );
  const address = addressOf(served.tcp, forDisk);
  const elsewhere = { ...address, certificates: { ...address.certificates, serverName: 'elsewhere.example' } };
  await assert.rejects(NbdClient.connect(elsewhere, 'disk'), /TLS with the server failed/);
});

test('new files hold for who comes next, connections go on, and files that make no sense change nothing', async () => {
  const { log, lines } = recordingLog();
  const { paths, certificates } = files('reload', log);
  await using served = await serveMemory({ certificates, log });
  const address = addressOf(served.tcp, forDisk);
  await using early = await NbdClient.connect(address, 'disk');

  writeFileSync(paths.privateKey, 'nonsense');
  await using during = await NbdClient.connect(address, 'disk');
  assert.match(lines.join('\n'), /cannot be used; the old stay .*reload-key\.pem is not the key/);
  await using still = await NbdClient.connect(address, 'disk');
  assert.equal(lines.length, 1, 'said once for each change');

  copyFileSync(server.privateKeyFile, paths.privateKey);
  copyFileSync(stranger.file, `${paths.authorities}.new`);
  renameSync(`${paths.authorities}.new`, paths.authorities);
  await assert.rejects(NbdClient.connect(address, 'disk'), SystemError);
  const byStranger = stranger.issue('guest', 'URI:sealdisk:export:disk');
  await using later = await NbdClient.connect(addressOf(served.tcp, byStranger, authority), 'disk');
  await Promise.all([early, during, still, later].map((client) => client.flush()));
});

test('files that make no sense at the start are named', () => {
  const { paths } = files('start');
  const start = (changed: Partial<typeof paths>) => () => new CertificateFiles({ ...paths, ...changed }, silentLogger);
  assert.throws(start({ certificate: '/nowhere/cert.pem' }), /\/nowhere\/cert\.pem cannot be read \(ENOENT\)/);
  assert.throws(start({ authorities: paths.privateKey }), /start-key\.pem is not a certificate/);
  assert.throws(start({ privateKey: forDisk.privateKeyFile }), /is not the key/);
});

test('a client that stops in the middle of the TLS handshake is cut off', async () => {
  const clock = new ManualClock();
  await using served = await serveMemory({ clock, limits: { tlsHandshakeMs: 2000, handshakeMs: 60_000 } });
  const peer = new RawPeer(served.tcp);
  await peer.take(18);
  peer.send(encodeClientFlags(3), encodeOption(NBD_OPT_STARTTLS));
  await peer.optionReply();
  // The first bytes of a ClientHello.
  peer.send(Buffer.from('1603010200010001fc0303', 'hex'));
  await until(() => clock.sleeping === 2);
  clock.advance(2000);
  await peer.rest();
});
