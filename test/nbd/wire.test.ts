import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { NbdFormatError } from '../../src/nbd/format-error.ts';
import * as handshake from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import * as transmission from '../../src/nbd/transmission-wire.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s|\[.*?\]/g, ''), 'hex');
const written = (max: number, encode: (out: Buffer, at: number) => number): Buffer => {
  const out = Buffer.alloc(max + 6, 0xee);
  return out.subarray(3, encode(out, 3));
};

// Written out by hand from the layouts in proto.md.
test('the server greets with fixed newstyle and no zeroes', () => {
  const golden = bytes('4e42444d41474943 [NBDMAGIC] 49484156454f5054 [IHAVEOPT] 0003 [flags]');
  assert.deepEqual(handshake.encodeServerHello(3), golden);
  assert.equal(handshake.decodeServerHello(golden), 3);
});

test('NBD_OPT_GO has a name and items', () => {
  const data = bytes('00000004 [name length] 6469736b [disk] 0002 [items] 0003 [block size] 0001 [name]');
  assert.deepEqual(handshake.encodeInfoRequest({ exportName: 'disk', items: [3, 1] }), data);
  assert.deepEqual(handshake.decodeInfoRequest(data), { exportName: 'disk', items: [3, 1] });
  const option = bytes('49484156454f5054 [IHAVEOPT] 00000007 [GO] 0000000e [length]');
  assert.deepEqual(handshake.encodeOption(nbd.NBD_OPT_GO, data), Buffer.concat([option, data]));
  assert.deepEqual(handshake.decodeOptionHeader(option), { option: 7, lengthBytes: 14 });
});

test('NBD_OPT_SET_META_CONTEXT has a name and queries', () => {
  const data = bytes(`00000001 [name length] 64 [d] 00000001 [queries]
    0000000f [query length] 626173653a616c6c6f636174696f6e [base:allocation]`);
  assert.deepEqual(handshake.encodeMetaContextRequest({ exportName: 'd', queries: ['base:allocation'] }), data);
  assert.deepEqual(handshake.decodeMetaContextRequest(data), { exportName: 'd', queries: ['base:allocation'] });
});

test('an option reply carries its option, type and length', () => {
  const golden = bytes('0003e889045565a9 [magic] 00000008 [option] 80000001 [UNSUP] 00000002 [length] 6869 [hi]');
  assert.deepEqual(handshake.encodeOptionReply(8, nbd.NBD_REP_ERR_UNSUP, Buffer.from('hi')), golden);
  assert.deepEqual(handshake.decodeOptionReplyHeader(golden), { option: 8, type: 0x80000001, lengthBytes: 2 });
});

test('NBD_INFO_EXPORT and NBD_INFO_BLOCK_SIZE', () => {
  const info = bytes('0000 [type] 0000400000000000 [64 TiB] 0d6d [flags]');
  assert.deepEqual(handshake.encodeInfoExport(64 * 2 ** 40, 0xd6d), info);
  assert.deepEqual(handshake.decodeInfoExport(info), { sizeBytes: 64 * 2 ** 40, flags: 0xd6d });
  const sizes = bytes('0003 [type] 00000001 00001000 02000000');
  assert.deepEqual(handshake.encodeInfoBlockSize({ minimum: 1, preferred: 4096, maximum: 0x2000000 }), sizes);
  assert.deepEqual(handshake.decodeInfoBlockSize(sizes), { minimum: 1, preferred: 4096, maximum: 0x2000000 });
});

test('NBD_OPT_EXPORT_NAME is answered with or without 124 zeroes', () => {
  const golden = bytes('0000000000100000 [1 MiB] 0d6d [flags]');
  assert.deepEqual(handshake.encodeExportNameReply(2 ** 20, 0xd6d, false), golden);
  assert.deepEqual(handshake.encodeExportNameReply(2 ** 20, 0xd6d, true), Buffer.concat([golden, Buffer.alloc(124)]));
});

test('a request', () => {
  const golden = bytes(`25609513 [magic] 0001 [FUA] 0001 [WRITE] 0102030405060708 [cookie]
    0000000100000200 [offset] 00001000 [length]`);
  const request = { flags: 1, type: 1, cookieHigh: 0x01020304, cookieLow: 0x05060708, offset: 2 ** 32 + 512 };
  assert.deepEqual(
    written(28, (out, at) => transmission.encodeRequest(out, at, { ...request, length: 4096 })),
    golden,
  );
  assert.deepEqual(transmission.decodeRequest(golden), { ...request, length: 4096 });
});

test('replies and chunks', () => {
  const cookie = { cookieHigh: 0x01020304, cookieLow: 0x05060708 };
  const request = { ...cookie, flags: 0, type: 0, offset: 2 ** 32 + 512, length: 4 };
  assert.deepEqual(
    written(16, (out, at) => transmission.encodeSimpleReply(out, at, cookie, nbd.NBD_ENOSPC)),
    bytes('67446698 [magic] 0000001c [error] 0102030405060708 [cookie]'),
  );
  assert.deepEqual(
    written(28, (out, at) => transmission.encodeOffsetData(out, at, request, 4)),
    bytes('668e33ef [magic] 0001 [DONE] 0001 [DATA] 0102030405060708 0000000c [length] 0000000100000200 [offset]'),
  );
  assert.deepEqual(
    written(transmission.errorChunkBytes('no'), (out, at) => transmission.encodeErrorChunk(out, at, cookie, 22, 'no')),
    bytes('668e33ef 0001 8001 [ERROR] 0102030405060708 00000008 [length] 00000016 [EINVAL] 0002 6e6f [no]'),
  );
  const extents = [
    { lengthBytes: 4096, hole: false, zero: false },
    { lengthBytes: 8192, hole: true, zero: true },
  ];
  const status = bytes(`668e33ef 0001 0005 [BLOCK_STATUS] 0102030405060708 00000014 [length] 00000001 [context]
    00001000 00000000 00002000 00000003`);
  const max = transmission.blockStatusBytes(extents);
  assert.deepEqual(
    written(max, (out, at) => transmission.encodeBlockStatus(out, at, cookie, 1, extents)),
    status,
  );
  assert.deepEqual(transmission.decodeBlockStatus(status.subarray(20)), extents);
});

test('decoding anything throws nothing but NbdFormatError', () => {
  const decoders: readonly ((data: Buffer) => unknown)[] = [
    handshake.decodeServerHello,
    handshake.decodeClientFlags,
    handshake.decodeOptionHeader,
    handshake.decodeOptionReplyHeader,
    handshake.decodeInfoRequest,
    handshake.decodeMetaContextRequest,
    handshake.decodeName,
    handshake.decodeInfoExport,
    handshake.decodeInfoBlockSize,
    handshake.decodeServerEntry,
    handshake.decodeMetaContext,
    transmission.decodeRequest,
    transmission.decodeReplyHeader,
    transmission.decodeOffset,
    transmission.decodeHole,
    transmission.decodeErrorChunk,
    transmission.decodeBlockStatus,
  ];
  // Small numbers in the length fields get further than random ones.
  const plausible = fc.array(fc.oneof(fc.constant(Buffer.alloc(3)), fc.uint8Array({ maxLength: 9 })), { maxLength: 9 });
  fc.assert(
    fc.property(fc.constantFrom(...decoders), plausible, (decode, parts) => {
      try {
        decode(Buffer.concat(parts));
      } catch (error) {
        assert.ok(error instanceof NbdFormatError, String(error));
      }
    }),
    { numRuns: 20_000 },
  );
});

test('what is cut short is refused at every length', () => {
  const whole: readonly [(data: Buffer) => unknown, Buffer][] = [
    [handshake.decodeInfoRequest, handshake.encodeInfoRequest({ exportName: 'disk', items: [0, 3] })],
    [
      handshake.decodeMetaContextRequest,
      handshake.encodeMetaContextRequest({ exportName: 'disk', queries: ['base:allocation', 'x-a:b'] }),
    ],
    [handshake.decodeOptionHeader, handshake.encodeOption(3)],
    [handshake.decodeInfoExport, handshake.encodeInfoExport(1, 1)],
  ];
  for (const [decode, data] of whole) {
    for (let length = 0; length < data.length; length++) {
      assert.throws(() => decode(data.subarray(0, length)), NbdFormatError);
    }
    assert.doesNotThrow(() => decode(data));
  }
});

test('names that are no strings of the protocol are refused', () => {
  assert.throws(() => handshake.decodeName(Buffer.from([0xff])), NbdFormatError);
  assert.throws(() => handshake.decodeName(Buffer.from('a\0b')), NbdFormatError);
  assert.throws(() => handshake.decodeName(Buffer.alloc(4097, 'a')), NbdFormatError);
  assert.equal(handshake.decodeName(Buffer.alloc(4096, 'a')).length, 4096);
  assert.equal(handshake.decodeName(Buffer.from('磁盘')), '磁盘');
});
