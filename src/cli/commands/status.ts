import type { Output } from '../output.ts';
import { dataDirectoryOf, findServer } from '../server-location.ts';

export async function status(options: { readonly dataDir?: string }, output: Output): Promise<void> {
  const server = await findServer(dataDirectoryOf(options));
  if (server.sealed !== undefined) {
    output.result(server, [
      `sealdisk ${server.version}   process ${server.pid}   data ${server.dataDirectory}`,
      `  API    http://${server.api} answers 503`,
      `  sealed ${server.sealed.reason}`,
    ]);
    return;
  }
  output.result(server, [
    `sealdisk ${server.version}   process ${server.pid}   data ${server.dataDirectory}`,
    `  API    http://${server.api}   default region ${server.defaultRegion}`,
    `  NBD    ${server.nbd} (TLS)   disk server ${server.diskServerPid === undefined ? 'is being restarted' : `process ${server.diskServerPid}`}`,
    `  open   ${server.exports} disk${server.exports === 1 ? '' : 's'}`,
    ...(server.clock === undefined ? [] : [`  clock  ${server.clock} of the real one: a server for tests`]),
  ]);
}
