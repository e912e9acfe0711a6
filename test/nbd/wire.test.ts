import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { NbdFormatError } from '../../src/nbd/format-error.ts';
import * as handshake from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import * as replies from '../../src/nbd/reply-wire.ts';
import * as requests from '../../src/nbd/request-wire.ts';

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

test('a compact and an extended request', () => {
  const asked = { flags: 1, type: 1, cookie: 0x05060708, offset: 2 ** 32 + 512, length: 4096 };
  const compact = bytes(`25609513 [magic] 0001 [FUA] 0001 [WRITE] 0000000005060708 [cookie]
    0000000100000200 [offset] 00001000 [length]`);
  const extended = bytes(`21e41c71 [magic] 0001 [FUA] 0001 [WRITE] 0000000005060708 [cookie]
    0000000100000200 [offset] 0000000000001000 [length]`);
  for (const [golden, isExtended] of [
    [compact, false],
    [extended, true],
  ] as const) {
    assert.deepEqual(
      written(golden.length, (out, at) => requests.encodeRequest(out, at, asked, isExtended)),
      golden,
    );
    const { cookie, ...rest } = asked;
    const halves = { cookieHigh: 0, cookieLow: cookie, offsetHigh: 1, offsetLow: 512 };
    assert.deepEqual(requests.decodeRequest(golden, 0, isExtended), { ...rest, ...halves });
    assert.throws(() => requests.decodeRequest(golden, 0, !isExtended), NbdFormatError);
  }
  const huge = Buffer.from(extended);
  huge.writeBigUInt64BE(0x0001_0002_0000_0003n, 24);
  assert.equal(requests.decodeRequest(huge, 0, true).length, 0x0001_0002_0000_0003);
});

test('only a flag tells that an extended request has a payload', () => {
  const request = { cookieHigh: 0, cookieLow: 0, offsetHigh: 0, offsetLow: 0, offset: 0, length: 5, flags: 0, type: 1 };
  const flagged = { ...request, type: 7, flags: nbd.NBD_CMD_FLAG_PAYLOAD_LEN };
  assert.equal(requests.payloadBytes(request, false), 5);
  assert.equal(requests.payloadBytes(request, true), 0);
  assert.equal(requests.payloadBytes(flagged, false), 0);
  assert.equal(requests.payloadBytes(flagged, true), 5);
});

test('the payload of a block status has the length of the range and the ids of contexts', () => {
  const golden = bytes('0000000200000000 [8 GiB] 00000001 00000007');
  assert.deepEqual(requests.encodeStatusPayload({ length: 2 ** 33, contextIds: [1, 7] }), golden);
  assert.deepEqual(requests.decodeStatusPayload(golden), { length: 2 ** 33, contextIds: [1, 7] });
});

test('replies and chunks', () => {
  const to = { cookieHigh: 0x01020304, cookieLow: 0x05060708, offsetHigh: 1, offsetLow: 512 };
  const chunk = { extended: false, to, done: true };
  assert.deepEqual(
    written(16, (out, at) => replies.encodeSimpleReply(out, at, to, nbd.NBD_ENOSPC)),
    bytes('67446698 [magic] 0000001c [error] 0102030405060708 [cookie]'),
  );
  assert.deepEqual(
    written(28, (out, at) => replies.encodeOffsetData(out, at, chunk, 2 ** 32 + 512, 4)),
    bytes('668e33ef [magic] 0001 [DONE] 0001 [DATA] 0102030405060708 0000000c [length] 0000000100000200 [offset]'),
  );
  assert.deepEqual(
    written(32, (out, at) => replies.encodeOffsetHole(out, at, { ...chunk, done: false }, 2 ** 32 + 512, 4096)),
    bytes('668e33ef 0000 0002 [HOLE] 0102030405060708 0000000c [length] 0000000100000200 [offset] 00001000 [length]'),
  );
  assert.deepEqual(
    written(replies.errorChunkBytes(false, 'no'), (out, at) => replies.encodeErrorChunk(out, at, chunk, 22, 'no')),
    bytes('668e33ef 0001 8001 [ERROR] 0102030405060708 00000008 [length] 00000016 [EINVAL] 0002 6e6f [no]'),
  );
  const extents = [
    { lengthBytes: 4096, flags: 0 },
    { lengthBytes: 8192, flags: 3 },
  ];
  const status = bytes(`668e33ef 0001 0005 [BLOCK_STATUS] 0102030405060708 00000014 [length] 00000001 [context]
    00001000 00000000 00002000 00000003`);
  const max = replies.blockStatusBytes(false, extents);
  assert.deepEqual(
    written(max, (out, at) => replies.encodeBlockStatus(out, at, chunk, 1, extents)),
    status,
  );
  assert.deepEqual(replies.decodeBlockStatus(status.subarray(20), false), { contextId: 1, extents });
});

test('extended chunks repeat the offset of the request and have 64-bit lengths', () => {
  const to = { cookieHigh: 0x01020304, cookieLow: 0x05060708, offsetHigh: 1, offsetLow: 512 };
  const chunk = { extended: true, to, done: true };
  const head = (type: string, length: string): string =>
    `6e8a278c [magic] 0001 [DONE] ${type} 0102030405060708 [cookie] 0000000100000200 [offset] 00000000${length} [length]`;
  assert.deepEqual(
    written(32, (out, at) => replies.encodeChunkHeader(out, at, chunk, nbd.NBD_REPLY_TYPE_NONE, 0)),
    bytes(head('0000', '00000000')),
  );
  assert.deepEqual(
    written(40, (out, at) => replies.encodeOffsetData(out, at, chunk, 2 ** 32 + 4096, 4)),
    bytes(`${head('0001', '0000000c')} 0000000100001000`),
  );
  const extents = [
    { lengthBytes: 2 ** 40, flags: 0 },
    { lengthBytes: 8192, flags: 3 },
  ];
  const status = bytes(`${head('0006', '00000028')} 00000002 [context] 00000002 [count]
    0000010000000000 0000000000000000 0000000000002000 0000000000000003`);
  assert.deepEqual(
    written(status.length, (out, at) => replies.encodeBlockStatus(out, at, chunk, 2, extents)),
    status,
  );
  assert.deepEqual(replies.decodeBlockStatus(status.subarray(32), true), { contextId: 2, extents });
  const uncounted = Buffer.from(status.subarray(32));
  uncounted.writeUInt32BE(0, 4);
  assert.deepEqual(replies.decodeBlockStatus(uncounted, true), { contextId: 2, extents });
  assert.deepEqual(replies.decodeReplyHeader(status, true), {
    kind: 'chunk',
    cookieLow: 0x05060708,
    done: true,
    type: 6,
    lengthBytes: 40,
    offset: 2 ** 32 + 512,
  });
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
    (data) => requests.decodeRequest(data, 0, false),
    (data) => requests.decodeRequest(data, 0, true),
    requests.decodeStatusPayload,
    (data) => replies.decodeReplyHeader(data, false),
    (data) => replies.decodeReplyHeader(data, true),
    replies.decodeOffset,
    replies.decodeHole,
    replies.decodeErrorChunk,
    (data) => replies.decodeBlockStatus(data, false),
    (data) => replies.decodeBlockStatus(data, true),
    handshake.decodeExportNameReply,
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
