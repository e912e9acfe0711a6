// Extended headers byte by byte, from the text of proto.md, because the clients of Debian 12 do not know them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { encodeMetaContextRequest, encodeOption } from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { serveMemory, until } from './fixture.ts';
import { MemoryExport } from './memory-export.ts';
import { RawPeer } from './raw-peer.ts';

const TiB = 2 ** 40;
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s|\[.*?\]/g, ''), 'hex');
const code = (name: string) => (error: unknown) => error instanceof SystemError && error.code === name;

async function extendedPeer(socketPath: string): Promise<RawPeer> {
  const contexts = encodeMetaContextRequest({ exportName: 'disk', queries: ['base:allocation'] });
  return new RawPeer({ path: socketPath }).go('disk', {
    before: [encodeOption(nbd.NBD_OPT_EXTENDED_HEADERS), encodeOption(nbd.NBD_OPT_SET_META_CONTEXT, contexts)],
  });
}

test('a conversation as the protocol text has it', async () => {
  await using served = await serveMemory();
  const peer = await extendedPeer(served.socketPath);
  const request = (flags: string, type: string, cookie: string, offset: string, length: string): Buffer =>
    bytes(`21e41c71 ${flags} ${type} 00000000000000${cookie} ${offset} ${length}`);
  const NONE = '0001 0000';

  // WRITE "hi" at 16, with PAYLOAD_LEN; answered by an empty chunk, never by a simple reply.
  peer.send(request('0020', '0001', '01', '0000000000000010', '0000000000000002'), Buffer.from('hi'));
  assert.deepEqual(await peer.take(32), bytes(`6e8a278c ${NONE} 0000000000000001 0000000000000010 0000000000000000`));

  // READ 4 bytes at 15.
  peer.send(request('0000', '0000', '02', '000000000000000f', '0000000000000004'));
  assert.deepEqual(
    await peer.take(44),
    bytes('6e8a278c 0001 0001 0000000000000002 000000000000000f 000000000000000c 000000000000000f 00686900'),
  );

  // BLOCK_STATUS of everything: context 1, 2 extents of 64-bit length and flags.
  peer.send(request('0000', '0007', '03', '0000000000000000', '0000000000100000'));
  assert.deepEqual(
    await peer.take(72),
    bytes(`6e8a278c 0001 0006 0000000000000003 0000000000000000 0000000000000028 00000001 00000002
      0000000000001000 0000000000000000 00000000000ff000 0000000000000003`),
  );

  // BLOCK_STATUS with a payload: 4096 bytes of context 1; then of context 9, which nobody selected.
  peer.send(request('0020', '0007', '04', '0000000000000000', '000000000000000c'), bytes('0000000000001000 00000001'));
  assert.deepEqual(
    await peer.take(56),
    bytes(`6e8a278c 0001 0006 0000000000000004 0000000000000000 0000000000000018 00000001 00000001
      0000000000001000 0000000000000000`),
  );
  peer.send(request('0020', '0007', '05', '0000000000000000', '000000000000000c'), bytes('0000000000001000 00000009'));
  const refused = await peer.take(32);
  assert.deepEqual(refused.subarray(0, 16), bytes('6e8a278c 0001 8001 0000000000000005'));
  const error = await peer.take(Number(refused.readBigUInt64BE(24)));
  assert.equal(error.readUInt32BE(0), nbd.NBD_EINVAL);

  // A payload that no command has asked for goes by: FLUSH with 5 bytes is refused, and the next request is found.
  peer.send(request('0020', '0003', '06', '0000000000000000', '0000000000000005'), Buffer.from('12345'));
  const flush = await peer.take(32);
  assert.deepEqual(flush.subarray(0, 16), bytes('6e8a278c 0001 8001 0000000000000006'));
  await peer.take(Number(flush.readBigUInt64BE(24)));

  // Offsets are repeated to the last bit, also those that no export has.
  peer.send(request('0000', '0000', '07', 'fedcba9876543211', '0000000000000001'));
  const past = await peer.take(32);
  assert.deepEqual(past.subarray(4, 24), bytes('0001 8001 0000000000000007 fedcba9876543211'));
  await peer.take(Number(past.readBigUInt64BE(24)));

  peer.send(request('0000', '0002', '08', '0000000000000000', '0000000000000000'));
  assert.equal((await peer.rest()).length, 0);
});

test('a compact request, or a payload above 32 MiB, closes a connection with extended headers', async () => {
  await using served = await serveMemory();
  const compact = await extendedPeer(served.socketPath);
  compact.send(bytes('25609513 0000 0003 0000000000000001 0000000000000000 00000000 00000000'));
  assert.equal((await compact.rest()).length, 0);
  const long = await extendedPeer(served.socketPath);
  long.send(bytes('21e41c71 0020 0001 0000000000000001 0000000000000000 0000000002000001'));
  assert.equal((await long.rest()).length, 0);
  await until(() => served.server.connections('disk') === 0);
});

test('trim, zero, cache and status reach across 64 bits in one request', async () => {
  await using served = await serveMemory();
  const calls: string[] = [];
  const note = (call: string) => (offset: number, length: number) => {
    calls.push(`${call} ${offset}+${length}`);
    return Promise.resolve();
  };
  const huge = new MemoryExport(4096);
  Object.assign(huge, {
    sizeBytes: 64 * TiB,
    trim: note('trim'),
    zero: note('zero'),
    read: async (offset: number, length: number) => {
      await note('read')(offset, length);
      return new Uint8Array(length);
    },
    blockStatus: async (offset: number, length: number) => {
      await note('status')(offset, length);
      return [{ lengthBytes: length, hole: true, zero: true }];
    },
  });
  served.directory.add('huge', huge, { socketPath: served.socketPath });
  const address = { unixSocket: served.socketPath };
  await using client = await NbdClient.connect(address, 'huge');
  await client.trim(4096, 64 * TiB - 4096);
  await client.zero(0, 64 * TiB, { fast: true });
  assert.deepEqual(await client.blockStatus(TiB, 63 * TiB), [{ lengthBytes: 63 * TiB, hole: true, zero: true }]);
  assert.deepEqual(calls, [`trim 4096+${64 * TiB - 4096}`, `zero 0+${64 * TiB}`, `status ${TiB}+${63 * TiB}`]);
  await assert.rejects(client.trim(1, 64 * TiB), code('NBD_EINVAL'));
  await assert.rejects(client.zero(1, 64 * TiB), code('NBD_ENOSPC'));
  calls.length = 0;
  await client.cache(TiB, 63 * TiB);
  assert.equal(calls.length, 64, 'a hint is not taken for more than 64 MiB');
  assert.equal(calls[63], `read ${TiB + 63 * 2 ** 20}+${2 ** 20}`);

  calls.length = 0;
  await using compact = await NbdClient.connect(address, 'huge', { headers: 'structured' });
  await compact.trim(0, 5 * 2 ** 30);
  assert.deepEqual(calls, [`trim 0+${2 ** 31}`, `trim ${2 ** 31}+${2 ** 31}`, `trim ${2 ** 32}+${2 ** 30}`]);
});
