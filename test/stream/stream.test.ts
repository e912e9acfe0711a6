import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind, SystemError } from '../../src/base/errors.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import {
  CHUNK_BYTES,
  decodeHeader,
  encodeHeaderFields,
  STREAM_HEADER_BYTES,
  streamBytes,
} from '../../src/stream/stream-header.ts';
import type { StreamHeader } from '../../src/stream/stream-header.ts';
import { stateIdentity } from '../../src/stream/stream-keys.ts';
import { StreamReader } from '../../src/stream/stream-reader.ts';
import { StreamSource } from '../../src/stream/stream-source.ts';
import { applyTo, bytesOf, HOLE, memoryState, ZERO } from './memory-state.ts';
import type { Blocks } from './memory-state.ts';

const CIPHERS = nodeCipherBackend();
const KEY = new Uint8Array(32).fill(7);
const TAGS = new Map(Array.from({ length: 60 }, (_, tag) => [Buffer.from(bytesOf(tag)).toString('latin1'), tag]));

function headerFields(suite: StreamHeader['suite'] = 'aes-256-gcm', incremental = false) {
  return {
    streamId: new Uint8Array(16).fill(3),
    suite,
    encrypted: true,
    diskId: 'd-source',
    state: { snapshotId: 's-two', identity: new Uint8Array(32).fill(2) },
    base: incremental ? { snapshotId: 's-one', identity: new Uint8Array(32).fill(1) } : undefined,
    createdMs: 1_700_000_000_000,
    key: { by: 'kms' as const, kmsKeyId: 'key-1', blob: new Uint8Array(161).fill(9) },
  };
}

function sourceOf(state: Blocks, base?: Blocks, longest?: number): Promise<StreamSource> {
  return StreamSource.of(
    CIPHERS,
    memoryState(state, base, longest),
    headerFields('aes-256-gcm', base !== undefined),
    KEY,
  );
}

async function wholeStream(source: StreamSource): Promise<Uint8Array> {
  return source.read(0, source.sizeBytes);
}

/** Reads `stream` as a receiver does and answers what `base` becomes. */
function received(stream: Uint8Array, base: Blocks, key = KEY): number[] {
  const blocks = [...base];
  using reader = new StreamReader(CIPHERS, stream.subarray(0, STREAM_HEADER_BYTES), key);
  for (let place = reader.nextPlace; place !== undefined; place = reader.nextPlace)
    for (const change of reader.push(stream.subarray(place.at, place.at + place.lengthBytes)))
      applyTo(blocks, change, (bytes) => {
        const tag = TAGS.get(Buffer.from(bytes).toString('latin1'));
        assert.ok(tag !== undefined, 'every block is one that was sent');
        return tag;
      });
  reader.finish();
  if (stream.length !== streamBytes(reader.header)) throw new SystemError('corrupt', 'STREAM_DAMAGED', 'length');
  return blocks;
}

/** A small generator, so that a failure names its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Runs of all lengths: some shorter than a record, some over many. */
function changed(before: Blocks, random: (below: number) => number): number[] {
  const after = [...before];
  for (let i = random(12); i >= 0; i--) {
    const from = random(after.length);
    const tag = random(3) === 0 ? random(2) : 2 + random(58);
    after.fill(tag, from, from + [1, 3, 40, 600, 2_000][random(5)]!);
  }
  return after.slice(0, before.length);
}

test('a full stream and a chain of incremental ones give the same blocks, holes and zeroes', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomOf(seed);
    const empty: number[] = Array.from({ length: 1 + random(3_000) }, () => HOLE);
    let [sender, receiver] = [changed(empty, random), empty];
    receiver = received(await wholeStream(await sourceOf(sender, undefined, 1 + random(9))), empty);
    assert.deepEqual(receiver, sender, `seed ${seed}, full`);
    for (let step = 0; step < 3; step++) {
      const next = changed(sender, random);
      const stream = await wholeStream(await sourceOf(next, sender, 1 + random(9)));
      receiver = received(stream, receiver);
      assert.deepEqual(receiver, next, `seed ${seed}, step ${step}`);
      sender = next;
    }
  }
});

test('a state with the size of its disk raised is received like any other', async () => {
  const base = [5, 6, HOLE];
  const grown = [5, 7, HOLE, HOLE, 8, ...Array.from({ length: 700 }, () => ZERO)];
  const raised = [...base, ...Array.from({ length: grown.length - base.length }, () => HOLE)];
  assert.deepEqual(received(await wholeStream(await sourceOf(grown, base)), raised), grown);
});

test('nothing changed: a header and nothing else', async () => {
  const source = await sourceOf([4, 5, 6], [4, 5, 6]);
  assert.equal(source.sizeBytes, STREAM_HEADER_BYTES);
  assert.deepEqual(received(await wholeStream(source), [4, 5, 6]), [4, 5, 6]);
});

test('any part of a stream can be read at any time, in any order, from a source made anew', async () => {
  const random = randomOf(99);
  const blocks = changed(
    Array.from({ length: 2_500 }, () => HOLE),
    random,
  );
  const whole = await wholeStream(await sourceOf(blocks));
  for (let i = 0; i < 40; i++) {
    const from = random(whole.length);
    const length = 1 + random(Math.min(whole.length - from, i % 2 === 0 ? 100 : 3 * CHUNK_BYTES));
    const part = await (await sourceOf(blocks)).read(from, length);
    assert.ok(Buffer.from(part).equals(whole.subarray(from, from + length)), `from ${from}, ${length} bytes`);
  }
});

test('each byte of a stream counts: one that is changed, or everything from it on missing, is noticed', async () => {
  const stream = await wholeStream(await sourceOf([2, HOLE, 3, ZERO]));
  received(stream, [0, 0, 0, 0]);
  for (let at = 0; at < stream.length; at++) {
    const copy = stream.slice();
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    assert.throws(() => received(copy, [0, 0, 0, 0]), SystemError, `byte ${at} changed`);
    assert.throws(() => received(stream.slice(0, at), [0, 0, 0, 0]), SystemError, `cut at ${at}`);
  }
  assert.throws(() => received(Uint8Array.from([...stream, 0]), [0, 0, 0, 0]), SystemError, 'one byte more');
});

test('chunks that are swapped, repeated, left out, or of another stream are noticed', async () => {
  const blocks = Array.from({ length: 1_000 }, (_, i) => 2 + (i % 50));
  const stream = await wholeStream(await sourceOf(blocks));
  const empty = blocks.map(() => HOLE);
  const size = CHUNK_BYTES + 16;
  const chunk = (n: number): Uint8Array =>
    stream.subarray(STREAM_HEADER_BYTES + n * size, STREAM_HEADER_BYTES + (n + 1) * size);
  const put = (...chunks: readonly Uint8Array[]): Uint8Array =>
    Buffer.concat([
      stream.subarray(0, STREAM_HEADER_BYTES),
      ...chunks,
      stream.subarray(STREAM_HEADER_BYTES + 3 * size),
    ]);
  assert.deepEqual(received(put(chunk(0), chunk(1), chunk(2)), empty), blocks);
  const other = await StreamSource.of(
    CIPHERS,
    memoryState(blocks),
    { ...headerFields(), streamId: new Uint8Array(16).fill(4) },
    KEY,
  );
  const foreign = (await wholeStream(other)).subarray(STREAM_HEADER_BYTES, STREAM_HEADER_BYTES + size);
  for (const [what, changedStream] of [
    ['swapped', put(chunk(1), chunk(0), chunk(2))],
    ['repeated', put(chunk(0), chunk(0), chunk(2))],
    ['left out', put(chunk(0), chunk(2))],
    ['twice', put(chunk(0), chunk(1), chunk(1), chunk(2))],
    ['foreign', put(foreign, chunk(1), chunk(2))],
  ] as const)
    assert.throws(
      () => received(changedStream, empty),
      (error) => isKind(error, 'corrupt'),
      what,
    );
});

test('another key is told from a changed header', async () => {
  const stream = await wholeStream(await sourceOf([2]));
  assert.throws(
    () => received(stream, [0], new Uint8Array(32).fill(8)),
    (error) => error instanceof SystemError && error.code === 'STREAM_KEY_WRONG',
  );
  const copy = stream.slice();
  copy[72] = 0xff;
  assert.throws(
    () => received(copy, [0]),
    (error) => error instanceof SystemError && error.code === 'STREAM_DAMAGED',
  );
});

test('the content does not show in the stream', async () => {
  const stream = Buffer.from(await wholeStream(await sourceOf([5, 5, 5])));
  assert.equal(stream.indexOf(bytesOf(5).subarray(0, 16)), -1);
});

test('a block that cannot be read fails the reading and is not left out', async () => {
  const state = memoryState([2, 3]);
  const broken = { ...state, read: () => Promise.reject(new SystemError('corrupt', 'BLOCK_CORRUPT', 'a block')) };
  const source = await StreamSource.of(CIPHERS, broken, headerFields(), KEY);
  await assert.rejects(wholeStream(source), (error) => isKind(error, 'corrupt'));
});

test('the header says what the stream holds', async () => {
  const source = await sourceOf([2, 3, HOLE], [2, 4, 5]);
  const header = decodeHeader(await source.read(0, STREAM_HEADER_BYTES));
  assert.deepEqual(header, source.header);
  assert.equal(header.dataBlocks, 1);
  assert.equal(header.base?.snapshotId, 's-one');
});

test('a header whose passphrase would take the machine down is no stream', () => {
  const cost = (n: number, r: number, p: number): Uint8Array =>
    encodeHeaderFields({
      ...headerFields(),
      bodyBytes: 0,
      dataBlocks: 0,
      diskSizeBytes: 4096,
      key: { by: 'passphrase', cost: { n, r, p }, salt: new Uint8Array(32), sealed: new Uint8Array(81) },
    });
  assert.equal(decodeHeader(cost(2 ** 17, 8, 1)).key.by, 'passphrase');
  for (const [n, r, p] of [
    [2 ** 19, 8, 1],
    [2 ** 17, 8, 5],
    [2 ** 17 + 1, 8, 1],
    [0, 8, 1],
    [2 ** 17, 0, 1],
  ] as const)
    assert.throws(() => decodeHeader(cost(n, r, p)), { code: 'NOT_A_STREAM' }, `${n} ${r} ${p}`);
});

test('two states have two identities', () => {
  const state = { diskId: 'd-1', snapshotId: 's-1', diskSizeBytes: 4096, root: 2 ** 40 };
  const names = [state, { ...state, diskId: 'd-2' }, { ...state, snapshotId: 's-2' }, { ...state, root: 2 ** 41 }];
  const hex = names.map((one) => Buffer.from(stateIdentity(one)).toString('hex'));
  assert.equal(new Set(hex).size, 4);
});
