import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { Handshake } from '../../src/nbd/handshake.ts';
import type { HandshakeStep, Security } from '../../src/nbd/handshake.ts';
import * as wire from '../../src/nbd/handshake-wire.ts';
import { DEFAULT_LIMITS } from '../../src/nbd/limits.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { ReceivedBytes } from '../../src/nbd/received-bytes.ts';
import { TestDirectory } from './directory.ts';
import { MemoryExport } from './memory-export.ts';

const UNIX: Security = { tls: 'none', peer: { transport: 'unix', socketPath: '/d' } };
const AFTER_TLS: Security = { tls: 'done', peer: { transport: 'tcp', pskIdentity: 'id-disk' } };
const BEFORE_TLS: Security = { tls: 'required' };
const CLIENT_FLAGS = wire.encodeClientFlags(3);

function directory(readOnly = false): TestDirectory {
  const found = new TestDirectory();
  found.add('disk', new MemoryExport(2 ** 20, { readOnly }), { identity: 'id-disk', socketPath: '/d' });
  found.add('other', new MemoryExport(2 ** 20), { identity: 'id-other', socketPath: '/o' });
  return found;
}

interface Haggled {
  readonly steps: HandshakeStep[];
  readonly hello: Buffer;
  readonly replies: { readonly option: number; readonly type: number; readonly data: Buffer }[];
  readonly sent: Buffer;
  readonly left: number;
}

/** Feeds `input` in the given pieces, until a step other than `more`. */
function haggle(
  security: Security,
  pieces: readonly Buffer[],
  options: { readonly clientFlags?: number; readonly exports?: TestDirectory; readonly refuses?: boolean } = {},
): Haggled {
  const sent: Buffer[] = [];
  const received = new ReceivedBytes();
  const handshake = new Handshake(
    {
      directory: options.exports ?? directory(),
      limits: DEFAULT_LIMITS,
      refuses: () => (options.refuses === true ? { type: nbd.NBD_REP_ERR_SHUTDOWN, message: 'closing' } : undefined),
      send: (bytes) => sent.push(bytes),
    },
    security,
    options.clientFlags,
  );
  const steps: HandshakeStep[] = [];
  for (const piece of pieces) {
    received.push(piece);
    const step = handshake.advance(received);
    steps.push(step);
    if (step.kind !== 'more') break;
  }
  const hello = options.clientFlags === undefined ? (sent.shift() ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const replies = sent
    .filter((bytes) => bytes.length >= wire.OPTION_REPLY_HEADER_BYTES && bytes[0] === 0 && bytes[1] === 3)
    .map((bytes) => {
      const { option, type, lengthBytes } = wire.decodeOptionReplyHeader(bytes);
      return { option, type, data: bytes.subarray(wire.OPTION_REPLY_HEADER_BYTES, 20 + lengthBytes) };
    });
  return { steps, hello, replies, sent: Buffer.concat(sent), left: received.length };
}

const last = ({ steps }: Haggled): HandshakeStep => steps.at(-1) ?? { kind: 'more' };
const types = ({ replies }: Haggled): number[] => replies.map(({ type }) => type);
const go = (exportName = 'disk', items: number[] = []): Buffer =>
  wire.encodeOption(nbd.NBD_OPT_GO, wire.encodeInfoRequest({ exportName, items }));
const info = (exportName: string, items: number[] = []): Buffer =>
  wire.encodeOption(nbd.NBD_OPT_INFO, wire.encodeInfoRequest({ exportName, items }));
const meta = (option: number, queries: string[], exportName = 'disk'): Buffer =>
  wire.encodeOption(option, wire.encodeMetaContextRequest({ exportName, queries }));
const STRUCTURED = wire.encodeOption(nbd.NBD_OPT_STRUCTURED_REPLY);
const once = (...parts: Buffer[]): Buffer[] => [Buffer.concat([CLIENT_FLAGS, ...parts])];

test('the answers do not depend on where the bytes are split', () => {
  const script = Buffer.concat([
    CLIENT_FLAGS,
    wire.encodeOption(99, Buffer.from('what')),
    STRUCTURED,
    wire.encodeOption(nbd.NBD_OPT_LIST),
    meta(nbd.NBD_OPT_SET_META_CONTEXT, ['base:allocation', 'x-y:z']),
    info('disk', [1, 2, 3]),
    go('', [3]),
  ]);
  const whole = haggle(UNIX, [script]);
  assert.equal(last(whole).kind, 'transmission');
  for (let at = 1; at < script.length; at++) {
    const split = haggle(UNIX, [Buffer.from(script.subarray(0, at)), Buffer.from(script.subarray(at))]);
    assert.deepEqual(split.sent, whole.sent, `split at byte ${at}`);
    assert.equal(last(split).kind, 'transmission');
  }
  const bytes = [...script].map((byte) => Buffer.of(byte));
  assert.deepEqual(haggle(UNIX, bytes).sent, whole.sent);
});

test('whatever a client sends, the handshake neither throws nor learns of another export', () => {
  const anyOption = fc
    .tuple(fc.integer({ min: 0, max: 13 }), fc.uint8Array({ maxLength: 40 }))
    .map(([option, data]) => wire.encodeOption(option, data));
  const piece = fc.oneof(
    anyOption,
    fc.constantFrom(STRUCTURED, info('other'), info('disk', [0, 1, 2, 3]), meta(9, []), meta(10, ['base:allocation'])),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.constantFrom(UNIX, AFTER_TLS, BEFORE_TLS), (pieces, security) => {
      const result = haggle(security, [CLIENT_FLAGS, ...pieces]);
      assert.ok(!result.sent.includes('other'));
      if (security === BEFORE_TLS) assert.ok(!result.sent.includes('disk') && last(result).kind !== 'transmission');
    }),
    { numRuns: 3000 },
  );
});

test('NBD_OPT_GO answers size and flags, and what was asked for', () => {
  const result = haggle(UNIX, once(STRUCTURED, go('disk', [nbd.NBD_INFO_BLOCK_SIZE, nbd.NBD_INFO_NAME, 77])));
  assert.deepEqual(types(result), [1, 3, 3, 3, 1]);
  const [, first, sizes, name] = result.replies.map(({ data }) => data);
  assert.ok(first && sizes && name);
  const { sizeBytes, flags } = wire.decodeInfoExport(first);
  assert.equal(sizeBytes, 2 ** 20);
  // HAS_FLAGS FLUSH FUA TRIM WRITE_ZEROES DF MULTI_CONN CACHE FAST_ZERO
  assert.equal(flags, 0b1101_1110_1101);
  assert.deepEqual(wire.decodeInfoBlockSize(sizes), { minimum: 1, preferred: 4096, maximum: 32 * 2 ** 20 });
  assert.equal(name.toString('utf8', 2), 'disk');
});

test('a read-only export offers nothing that writes, and without structured replies nothing of theirs', () => {
  const result = haggle(UNIX, once(go()), { exports: directory(true) });
  const { flags } = wire.decodeInfoExport(result.replies[0]?.data ?? Buffer.alloc(0));
  // HAS_FLAGS READ_ONLY FLUSH FUA MULTI_CONN CACHE
  assert.equal(flags, 0b0101_0000_1111);
});

test('the empty name means the only export of the peer, by its real name', () => {
  const step = last(haggle(AFTER_TLS, [go('')], { clientFlags: 3 }));
  assert.ok(step.kind === 'transmission');
  assert.equal(step.session.exportName, 'disk');
});

test('a name that is not the peer’s is unknown, whether it exists or not', () => {
  for (const security of [UNIX, AFTER_TLS]) {
    const [there, nowhere] = ['other', 'nowhere'].map((name) =>
      haggle(security, [go(name), info(name)], { clientFlags: 3 }),
    );
    assert.deepEqual(there?.sent, nowhere?.sent);
    assert.deepEqual(types(there as Haggled), [nbd.NBD_REP_ERR_UNKNOWN, nbd.NBD_REP_ERR_UNKNOWN]);
  }
});

test('NBD_OPT_LIST names the peer’s exports and carries no data', () => {
  const result = haggle(
    UNIX,
    once(wire.encodeOption(nbd.NBD_OPT_LIST), wire.encodeOption(nbd.NBD_OPT_LIST, Buffer.of(1))),
  );
  assert.deepEqual(types(result), [nbd.NBD_REP_SERVER, nbd.NBD_REP_ACK, nbd.NBD_REP_ERR_INVALID]);
  assert.equal(wire.decodeServerEntry(result.replies[0]?.data ?? Buffer.alloc(0)), 'disk');
});

test('NBD_OPT_EXPORT_NAME enters transmission, with zeroes for a client that wants them', () => {
  const name = wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('disk'));
  assert.equal(haggle(UNIX, once(name)).sent.length, 10);
  const old = haggle(UNIX, [wire.encodeClientFlags(0), name]);
  assert.equal(old.sent.length, 134);
  assert.equal(last(old).kind, 'transmission');
  const unknown = haggle(UNIX, once(wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('other'))));
  assert.deepEqual([unknown.sent.length, last(unknown).kind], [0, 'drop']);
});

test('metadata contexts need structured replies and hold for one export', () => {
  const set = nbd.NBD_OPT_SET_META_CONTEXT;
  const statusAfter = (...parts: Buffer[]): boolean => {
    const step = last(haggle(UNIX, once(...parts, go())));
    assert.ok(step.kind === 'transmission');
    return step.session.contexts.length > 0;
  };
  assert.equal(statusAfter(STRUCTURED, meta(set, ['base:allocation'])), true);
  assert.equal(statusAfter(STRUCTURED, meta(set, ['base:allocation'], '')), true);
  assert.equal(statusAfter(meta(set, ['base:allocation'])), false);
  assert.equal(statusAfter(STRUCTURED), false);
  assert.equal(statusAfter(STRUCTURED, meta(set, ['base:allocation']), meta(set, [])), false, 'the last one counts');
  assert.equal(statusAfter(STRUCTURED, meta(set, ['base:allocation']), meta(set, ['base:allocation'], 'no')), false);
  assert.equal(statusAfter(STRUCTURED, meta(set, ['base:', 'x:y', 'nonsense'])), false);
  const exports = directory();
  exports.add('second', new MemoryExport(4096), { socketPath: '/d' });
  const other = last(haggle(UNIX, once(STRUCTURED, meta(set, ['base:allocation']), go('second')), { exports }));
  assert.ok(other.kind === 'transmission' && other.session.contexts.length === 0, 'selected for another export');
  const listed = haggle(UNIX, once(STRUCTURED, meta(9, []), meta(9, ['base:']), meta(9, ['qemu:']), meta(9, [], 'no')));
  const { NBD_REP_ACK: ACK, NBD_REP_META_CONTEXT: CONTEXT, NBD_REP_ERR_UNKNOWN: UNKNOWN } = nbd;
  assert.deepEqual(types(listed), [ACK, CONTEXT, ACK, CONTEXT, ACK, ACK, UNKNOWN]);
});

test('extended headers win over structured replies, and exclude the oldest way to open', () => {
  const extended = wire.encodeOption(nbd.NBD_OPT_EXTENDED_HEADERS);
  const headersAfter = (...parts: Buffer[]): string => {
    const step = last(haggle(UNIX, once(...parts, go())));
    return step.kind === 'transmission' ? step.session.headers : step.kind;
  };
  assert.equal(headersAfter(), 'simple');
  assert.equal(headersAfter(STRUCTURED), 'structured');
  assert.equal(headersAfter(extended), 'extended');
  assert.equal(headersAfter(STRUCTURED, extended), 'extended');
  assert.equal(headersAfter(extended, STRUCTURED), 'extended');
  const refused = haggle(
    UNIX,
    once(extended, STRUCTURED, wire.encodeOption(nbd.NBD_OPT_EXTENDED_HEADERS, Buffer.of(0))),
  );
  assert.deepEqual(types(refused), [nbd.NBD_REP_ACK, nbd.NBD_REP_ERR_EXT_HEADER_REQD, nbd.NBD_REP_ERR_INVALID]);
  const oldest = wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('disk'));
  assert.equal(last(haggle(UNIX, once(extended, oldest))).kind, 'drop');
});

test('an unknown or malformed option is refused and the next one is read', () => {
  const malformed = wire.encodeOption(nbd.NBD_OPT_GO, Buffer.from('00000099', 'hex'));
  const result = haggle(UNIX, once(wire.encodeOption(4), malformed, wire.encodeOption(12), go()));
  assert.deepEqual(types(result).slice(0, 3), [nbd.NBD_REP_ERR_UNSUP, nbd.NBD_REP_ERR_INVALID, nbd.NBD_REP_ERR_UNSUP]);
  assert.equal(last(result).kind, 'transmission');
});

test('an option that is too long is skipped without being kept, and refused', () => {
  const long = wire.encodeOption(nbd.NBD_OPT_GO, Buffer.alloc(DEFAULT_LIMITS.optionBytesMax + 1));
  const pieces = [CLIENT_FLAGS, long.subarray(0, 1000), long.subarray(1000, 50_000), long.subarray(50_000), go()];
  const result = haggle(UNIX, pieces);
  assert.equal(types(result)[0], nbd.NBD_REP_ERR_TOO_BIG);
  assert.equal(last(result).kind, 'transmission');
  const endless = Buffer.from(wire.encodeOption(nbd.NBD_OPT_GO));
  endless.writeUInt32BE(0xffffffff, 12);
  assert.equal(last(haggle(UNIX, once(endless))).kind, 'drop');
});

test('a client that breaks the protocol is dropped', () => {
  const wrongMagic = Buffer.from(wire.encodeOption(nbd.NBD_OPT_LIST));
  wrongMagic[0] = 0;
  const noFixed = [wire.encodeClientFlags(2), wire.encodeOption(nbd.NBD_OPT_LIST)];
  for (const pieces of [once(wrongMagic), [wire.encodeClientFlags(4)], noFixed]) {
    const result = haggle(UNIX, pieces);
    assert.deepEqual([result.sent.length, last(result).kind], [0, 'drop']);
  }
});

test('NBD_OPT_ABORT is acknowledged, also with data', () => {
  for (const security of [UNIX, BEFORE_TLS, AFTER_TLS]) {
    const result = haggle(security, once(wire.encodeOption(nbd.NBD_OPT_ABORT, Buffer.from('bye'))));
    assert.deepEqual([types(result), last(result).kind], [[nbd.NBD_REP_ACK], 'close']);
  }
});

test('before TLS every option but STARTTLS and ABORT answers the same, whatever it names', () => {
  for (const option of [3, 4, 6, 7, 8, 9, 10, 11, 77]) {
    const answers = ['disk', 'other', 'nowhere'].map((exportName) => {
      const data = wire.encodeInfoRequest({ exportName, items: [] });
      const result = haggle(BEFORE_TLS, once(wire.encodeOption(option, data)));
      assert.deepEqual([types(result), last(result).kind], [[nbd.NBD_REP_ERR_TLS_REQD], 'more']);
      return result.sent.toString('hex');
    });
    assert.equal(new Set(answers).size, 1);
  }
  const long = wire.encodeOption(nbd.NBD_OPT_GO, Buffer.alloc(DEFAULT_LIMITS.optionBytesMax + 1));
  assert.deepEqual(types(haggle(BEFORE_TLS, once(long))), [nbd.NBD_REP_ERR_TLS_REQD]);
});

test('before TLS NBD_OPT_EXPORT_NAME drops the connection, since it cannot answer an error', () => {
  const result = haggle(BEFORE_TLS, once(wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('disk'))));
  assert.deepEqual([result.sent.length, last(result).kind], [0, 'drop']);
});

test('bytes that came along with STARTTLS drop the connection (CVE-2021-3716)', () => {
  const startTls = wire.encodeOption(nbd.NBD_OPT_STARTTLS);
  assert.equal(last(haggle(BEFORE_TLS, once(startTls))).kind, 'start-tls');
  for (const injected of [Buffer.of(0), STRUCTURED, go()]) {
    const result = haggle(BEFORE_TLS, once(startTls, injected));
    assert.deepEqual([result.sent.length, last(result).kind], [0, 'drop']);
  }
});

test('STARTTLS is refused with data, inside TLS, and on a Unix socket', () => {
  const startTls = wire.encodeOption(nbd.NBD_OPT_STARTTLS);
  const withData = haggle(BEFORE_TLS, once(wire.encodeOption(nbd.NBD_OPT_STARTTLS, Buffer.of(1))));
  assert.deepEqual(types(withData), [nbd.NBD_REP_ERR_INVALID]);
  assert.deepEqual(types(haggle(AFTER_TLS, [startTls], { clientFlags: 3 })), [nbd.NBD_REP_ERR_INVALID]);
  assert.deepEqual(types(haggle(UNIX, once(startTls))), [nbd.NBD_REP_ERR_POLICY]);
});

test('an export that is being closed takes no new connection, and says so', () => {
  const result = haggle(UNIX, once(go()), { refuses: true });
  assert.deepEqual([types(result), last(result).kind], [[nbd.NBD_REP_ERR_SHUTDOWN], 'more']);
  const named = once(wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from('disk')));
  assert.equal(last(haggle(UNIX, named, { refuses: true })).kind, 'drop');
});
