// The suite against encrypted disks of a whole server: every foreign client, on the real engine.
import { Api, type ExportAnswer } from '../../support/api.ts';
import { TestServer } from '../../support/start-server.ts';
import { nbdConformance } from './suite.ts';

for (const [name, spec] of [
  ['AES-256', 'Aliyun_AES_256'],
  ['SM4', 'Aliyun_SM4'],
] as const) {
  nbdConformance(`an encrypted disk of the server (${name})`, async () => {
    const server = await TestServer.start();
    const api = new Api(server);
    await api.openKms();
    await api.authorizeDiskEncryption();
    const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: await api.createKey(spec) });
    const exported = await server.json<ExportAnswer & { pskFile: string }>('export', diskId);
    return {
      unixSocket: new URL(exported.UnixUri.replace('nbd+unix:', 'http://x')).searchParams.get('socket') ?? '',
      exportName: exported.ExportName,
      tcp: { host: '127.0.0.1', port: server.nbdPort },
      pskIdentity: exported.PskIdentity,
      pskFile: exported.pskFile,
      sizeBytes: 2 ** 30,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });
}
