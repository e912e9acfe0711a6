/**
 * Reads a disk's directory with the data key, from docs/formats/opening.md and the pages that it names alone. It shares no
 * code with the engine on purpose (`independent-reader.test.ts` holds that): if it and the engine agree, the pages suffice.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { replay } from './independent-log.ts';
import { Keys, nameAt, openSlot, SUITES, u64 } from './independent-slot.ts';
import type { Segment, Slot, SuiteOf } from './independent-slot.ts';

/** docs/formats/head.md */
function readHead(directory: string, keys: Keys) {
  const file = readFileSync(path.join(directory, 'head'));
  const copies = [file.subarray(0, 4096), file.subarray(4096, 8192)].filter(
    (copy) =>
      copy.length === 4096 &&
      keys.verifies('head', copy) &&
      copy.toString('latin1', 0, 8) === 'SDHEAD_1' &&
      (copy.readUInt16LE(8) === 1 || copy.readUInt16LE(8) === 2),
  );
  const [copy] = copies.toSorted((a, b) => u64(b, 16) - u64(a, 16));
  if (copy === undefined) throw new Error('no copy of the head verifies');
  const suite = SUITES[copy.readUInt8(10)];
  if (suite === undefined) throw new Error('an unknown suite');
  const olderCount = copy.readUInt16LE(8) === 1 ? 0 : copy.readUInt32LE(2336);
  const olderKeys = Array.from({ length: olderCount }, (_, i) => copy.subarray(2376 + 160 * i, 2376 + 160 * (i + 1)));
  keys.openOlder(olderKeys, suite);
  return {
    suite,
    encrypted: (copy.readUInt8(11) & 1) !== 0,
    clean: (copy.readUInt8(11) & 2) !== 0,
    pin: { sequence: u64(copy, 16), digest: createHash('sha256').update(copy).digest('hex') },
    sizeBytes: u64(copy, 24),
    tableId: copy.toString('hex', 32, 48),
    tableDigest: copy.subarray(48, 80),
    session: copy.subarray(80, 96),
    log: { segment: u64(copy, 96), id: copy.toString('hex', 104, 120), slot: copy.readUInt32LE(120) },
    diskId: nameAt(copy, 176),
    wrappedKey: copy.subarray(274, 274 + copy.readUInt16LE(272)),
  };
}
export type IndependentHead = ReturnType<typeof readHead>;

/** The first right one of the two copies of a record that says at 12 how many bytes it has. */
function copyIn(file: string, isRight: (copy: Buffer) => boolean): Buffer {
  const bytes = readFileSync(file);
  const sizes = [bytes.readUInt32LE(12), Math.floor(bytes.length / 2)];
  const copy = sizes
    .flatMap((size) => [bytes.subarray(0, size), bytes.subarray(size, 2 * size)])
    .find((candidate) => isRight(candidate) && candidate.readUInt32LE(12) === candidate.length);
  if (copy === undefined) throw new Error(`no copy of ${file} verifies`);
  return copy;
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** docs/formats/table.md */
function readTable(file: string, keys: Keys, isRight: (copy: Buffer) => boolean) {
  const copy = copyIn(
    file,
    (candidate) =>
      isRight(candidate) && keys.verifies('table', candidate) && candidate.toString('latin1', 0, 8) === 'SDTABLE1',
  );
  const version = copy.readUInt16LE(8);
  const suite = SUITES[copy.readUInt8(11)];
  if (suite === undefined) throw new Error('an unknown suite');
  const fields = {
    sizeBytes: u64(copy, 24),
    root: u64(copy, 32),
    diskId: nameAt(copy, 40),
    snapshotId: nameAt(copy, 136),
  };
  if (version === 1) {
    const lists = { copy, at: 240, epochs: copy.readUInt32LE(232), epochSize: 64, segments: copy.readUInt32LE(236) };
    return { ...fields, segments: new Map(readSegments(lists, keys, () => suite)) };
  }
  if (version !== 2) throw new Error(`a table of version ${version}`);
  const segments = new Map<number, Segment>();
  for (let i = 0; i < copy.readUInt32LE(232); i++) {
    const entry = copy.subarray(240 + 64 * i, 240 + 64 * (i + 1));
    const chunk = readChunk(path.join(path.dirname(file), '..', 'tables', entry.toString('hex', 8, 24)), entry, keys);
    if (chunk.diskId !== fields.diskId) throw new Error('a chunk is of another disk');
    for (const [number, segment] of chunk.segments) segments.set(number, segment);
  }
  return { ...fields, segments };
}

/** docs/formats/table.md, "Chunks". @param entry what the index says of it. */
function readChunk(file: string, entry: Buffer, keys: Keys) {
  const copy = copyIn(file, (candidate) => sha256(candidate).equals(entry.subarray(24, 56)));
  if (copy.toString('latin1', 0, 8) !== 'SDCHUNK1' || copy.readUInt16LE(8) !== 1 || !keys.verifies('table', copy))
    throw new Error(`${file} is no chunk`);
  const lists = { copy, at: 128, epochs: copy.readUInt32LE(120), epochSize: 72, segments: copy.readUInt32LE(124) };
  const segments = [...readSegments(lists, keys, (epoch) => SUITES[epoch.readUInt8(64)])];
  if (u64(copy, 16) !== u64(entry, 0) || segments.length !== entry.readUInt32LE(56))
    throw new Error('a chunk is of another range');
  return { diskId: nameAt(copy, 24), segments };
}

/** Epoch records, then segments of 56 bytes. */
function* readSegments(
  lists: { copy: Buffer; at: number; epochs: number; epochSize: number; segments: number },
  keys: Keys,
  suiteOf: (epoch: Buffer) => SuiteOf | undefined,
): Generator<[number, Segment]> {
  const { copy, epochSize } = lists;
  for (let i = 0; i < lists.segments; i++) {
    const at = lists.at + epochSize * lists.epochs + 56 * i;
    const epochAt = lists.at + epochSize * copy.readUInt32LE(at + 40);
    const epoch = copy.subarray(epochAt, epochAt + epochSize);
    const suite = suiteOf(epoch);
    if (suite === undefined) throw new Error('an unknown suite');
    const number = u64(copy, at);
    yield [number, { number, id: copy.toString('hex', at + 8, at + 24), suite, key: keys.slotKey(epoch, suite) }];
  }
}

/** One state of a disk, every block of it. */
export class IndependentState {
  readonly sizeBytes: number;
  readonly #directory: string;
  readonly #root: number;
  readonly #segments: Map<number, Segment>;
  readonly #overlay: ReadonlyMap<number, number>;
  readonly #pages = new Map<number, Buffer>();

  constructor(directory: string, table: ReturnType<typeof readTable>, overlay: ReadonlyMap<number, number>) {
    this.#directory = directory;
    this.sizeBytes = table.sizeBytes;
    this.#root = table.root;
    this.#segments = table.segments;
    this.#overlay = overlay;
  }

  /** 0 for a hole, 1 for allocated zeroes, 2 for a block that was lost, else where the block is. */
  addressOf(block: number): number {
    const newer = this.#overlay.get(block);
    if (newer !== undefined) return newer;
    let address = this.#root;
    for (let level = 3; address > 2; level--) {
      const page = this.#page(address, level, Math.floor(block / 512 ** (level + 1)));
      address = u64(page, 8 * (Math.floor(block / 512 ** level) % 512));
      if (level === 0) break;
    }
    return address;
  }

  /** 4096 bytes. */
  read(block: number): Buffer {
    const address = this.addressOf(block);
    if (address < 2) return Buffer.alloc(4096);
    const slot = this.#slot(address);
    if (slot?.type !== 1 || slot.index !== block) throw new Error(`block ${block} does not open`);
    return slot.body;
  }

  #page(address: number, level: number, index: number): Buffer {
    const known = this.#pages.get(address);
    if (known !== undefined) return known;
    for (const copy of level === 0 ? [0] : [0, 1]) {
      const slot = this.#slot(address + copy);
      if (slot?.type !== 2 || slot.level !== level || slot.index !== index) continue;
      this.#pages.set(address, slot.body);
      return slot.body;
    }
    throw new Error(`page ${index} of level ${level} does not open`);
  }

  #slot(address: number): Slot | undefined {
    const segment = this.#segments.get(Math.floor(address / 2 ** 20));
    if (segment === undefined) throw new Error(`address ${address} is in no segment of the table`);
    return openSlot(this.#directory, segment, address % 2 ** 20);
  }
}

/** The disk as it is: as it was closed, or with its log followed to the end. Changes nothing. */
export function readDisk(directory: string, dataKey: Uint8Array): { head: IndependentHead; state: IndependentState } {
  const keys = new Keys(dataKey);
  const head = readHead(directory, keys);
  const table = readTable(path.join(directory, 'tables', head.tableId), keys, (copy) =>
    sha256(copy).equals(head.tableDigest),
  );
  if (table.diskId !== head.diskId) throw new Error('the table is of another disk');
  const overlay = head.clean ? new Map<number, number>() : replay(directory, keys, head, table.segments);
  return { head, state: new IndependentState(directory, table, overlay) };
}

/** docs/formats/roots.md */
export function readSnapshot(directory: string, dataKey: Uint8Array, snapshotId: string): IndependentState {
  const keys = new Keys(dataKey);
  const { diskId } = readHead(directory, keys);
  const table = readTable(path.join(directory, 'roots', snapshotId), keys, () => true);
  if (table.snapshotId !== snapshotId || table.diskId !== diskId) throw new Error('the root is of another snapshot');
  return new IndependentState(directory, table, new Map());
}
