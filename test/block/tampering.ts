/**
 * Somebody without keys changes the files of a small world: a disk that has a snapshot, files with and without their dead
 * slots, and a clone that shares some of them. Whatever is changed, each state refuses with a reason, or every block of it
 * is right or refused by its number.
 */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { SystemError } from '../../src/base/errors.ts';
import { MiB } from '../../src/base/units.ts';
import { cloneDisk, openSnapshotView } from '../../src/block/disk.ts';
import type { Disk } from '../../src/block/disk.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { Seeded } from '../sim/seeded.ts';
import { blockOf, dataKeyOf, DiskBench } from './disk-fixture.ts';

/** Blocks under three leaves of the map, so that no single flip can cost them all. */
const BLOCKS = [0, 1, 2, 3, 4, 5, 6, 7, 700, 701, 702, 703, 600 * (MiB / 4096), 600 * (MiB / 4096) + 1];
const ZEROES = Buffer.alloc(4096);
const HEADER_BYTES = 1_024;
const DENSE_SLOTS_AT = HEADER_BYTES + 2 * 3_072;
const SLOT_BYTES = 4_128;
/** Of a closed disk: no answer depends on them. */
const DEAD_FILES = /\/(lock|mark|sums\/.*)$/;

export interface Tampered {
  changes: number;
  refused: number;
  unreadable: number;
  /** Noticed by the log alone, because there was a second copy. */
  harmless: number;
  /** Nobody depends on what was changed. */
  dead: number;
}

interface Outcome {
  refusals: number;
  unreadable: number;
  named: number;
}

type Stamps = ReadonlyMap<number, number>;
type Read = (offset: number, length: number) => Promise<Uint8Array>;

/** Relative file names to what they hold, for a directory as it is. */
type Files = ReadonlyMap<string, Buffer>;

export class TamperWorld implements Disposable {
  readonly bench: DiskBench;
  readonly #pins = new Map<string, Pin>();
  readonly #expected = new Map<string, Stamps>();
  /** As it is, and as it was before the last writes of the disk. */
  #files: Files = new Map();
  #older: Files = new Map();
  /** Names of files that are one file. */
  readonly #links = new Map<string, string[]>();

  constructor(suite: Suite) {
    this.bench = new DiskBench(suite, { limits: { segmentSlots: 12, rewriteBelow: 0.9, mapPages: 4 } });
  }

  async make(): Promise<void> {
    await this.bench.create();
    const stamps = new Map<number, number>();
    let disk = await this.bench.open();
    for (const block of BLOCKS) await this.#write(disk, stamps, block, 100);
    await disk.snapshot('s-1');
    this.#expected.set('s-1', new Map(stamps));
    for (const block of BLOCKS.filter((_, i) => i % 2 === 0)) await this.#write(disk, stamps, block, 2_000);
    await disk.close();
    this.#older = filesOf(this.bench.directory(), 'd-1');
    await cloneDisk(
      this.bench.env,
      { directory: this.bench.directory(), snapshotId: 's-1', dataKey: this.#keyOf('d-1'), pin: undefined },
      { directory: this.bench.directory('d-2'), identity: this.bench.identity('d-2'), dataKey: this.#keyOf('d-2') },
    );
    disk = await this.bench.open();
    for (let round = 3; round < 6; round++)
      for (const block of BLOCKS.filter((_, i) => i % 3 !== 0)) await this.#write(disk, stamps, block, round * 1_000);
    await disk.checkpoint();
    // Files that only this disk has lose their dead slots.
    await disk.collect();
    await disk.checkpoint();
    this.#pins.set('d-1', await disk.close());
    this.#expected.set('d-1', new Map(stamps));
    const ofClone = new Map(this.#expected.get('s-1'));
    const clone = await this.bench.open({ diskId: 'd-2', dataKey: this.#keyOf('d-2') });
    await this.#write(clone, ofClone, BLOCKS[3] ?? 0, 9_000);
    this.#pins.set('d-2', await clone.close());
    this.#expected.set('d-2', ofClone);
    this.#files = new Map([...filesOf(this.bench.directory(), 'd-1'), ...filesOf(this.bench.directory('d-2'), 'd-2')]);
    this.#noteLinks();
    const intact = await this.#outcome();
    assert.deepEqual(intact, { refusals: 0, unreadable: 0, named: 0 }, 'the world is whole');
  }

  /** How many bytes there are to change. */
  get sizeBytes(): number {
    return [...this.#files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }

  get denseFiles(): number {
    return [...this.#files.values()].filter((bytes) => bytes.toString('latin1', 1024, 1032) === 'SDDENSE1').length;
  }

  get sharedFiles(): number {
    return [...this.#links.values()].filter((names) => names.length > 1).length;
  }

  /** Flips one bit of the byte `at`, counted over all files. */
  async flip(at: number, reached: Tampered): Promise<void> {
    let offset = at;
    for (const [name, intact] of this.#files) {
      if (offset >= intact.length) {
        offset -= intact.length;
        continue;
      }
      const damaged = Buffer.from(intact);
      damaged.writeUInt8(damaged.readUInt8(offset) ^ (2 ** (at % 8)), offset);
      const { dead } = reached;
      await this.#change(name, damaged, reached, `a flip in ${name} at ${offset}`);
      if (reached.dead > dead) await this.#checkDead(name, intact, offset);
      return;
    }
  }

  /** Nobody noticed a flip: then nobody may need anything of the slot that it is in, or the file is one of the dead. */
  async #checkDead(name: string, intact: Buffer, offset: number): Promise<void> {
    if (!name.includes('/seg/')) {
      assert.match(name, DEAD_FILES, `a flip in ${name} at ${offset} is noticed`);
      return;
    }
    const first =
      intact.toString('latin1', HEADER_BYTES, HEADER_BYTES + 8) === 'SDDENSE1' ? DENSE_SLOTS_AT : HEADER_BYTES;
    assert.ok(offset >= first, `a flip in the header or the index of ${name} at ${offset} is noticed`);
    const from = first + Math.floor((offset - first) / SLOT_BYTES) * SLOT_BYTES;
    const without = Buffer.from(intact).fill(0xff, from, Math.min(from + SLOT_BYTES, intact.length));
    const reached = nothingTampered();
    await this.#change(name, without, reached, `a dead slot of ${name} at ${from}`);
    assert.equal(reached.dead, 1, `a flip in ${name} at ${offset} is noticed, since its slot is needed`);
  }

  /** Cut, longer, empty or gone; exchanged with another file; older; or with parts of others in it. */
  async exchange(random: Seeded, reached: Tampered): Promise<void> {
    const [name, intact] = random.pick([...this.#files]);
    const kind = random.below(6);
    const what = `${['cut', 'longer', 'gone', 'another', 'older', 'parts moved'][kind] ?? ''}: ${name}`;
    if (kind === 0) await this.#change(name, intact.subarray(0, random.below(intact.length + 1)), reached, what);
    else if (kind === 1)
      await this.#change(name, Buffer.concat([intact, random.bytes(1 + random.below(9_000))]), reached, what);
    else if (kind === 2) await this.#change(name, undefined, reached, what);
    else if (kind === 3) await this.#change(name, random.pick([...this.#files.values()]), reached, what);
    else if (kind === 4) {
      const [older, bytes] = random.pick([...this.#older]);
      await this.#change(older, bytes, reached, `older: ${older}`);
    } else {
      const moved = Buffer.from(intact);
      const other = random.chance(0.5) ? intact : random.pick([...this.#files.values()]);
      const unit = random.pick([16, 512, 1024, 3_072, 4_096, 4_128]);
      const place = (bytes: Buffer): number => unit * random.below(Math.ceil((bytes.length + 1) / unit));
      other.copy(moved, place(moved), place(other));
      await this.#change(name, moved, reached, what);
    }
  }

  async #change(name: string, bytes: Buffer | undefined, reached: Tampered, what: string): Promise<void> {
    const intact = this.#files.get(name);
    if (bytes !== undefined && intact !== undefined && bytes.equals(intact)) return;
    const file = path.join(this.bench.root, name);
    if (bytes === undefined) rmSync(file);
    else writeFileSync(file, bytes);
    let outcome: Outcome;
    try {
      outcome = await this.#outcome();
    } catch (error) {
      throw new Error(`${what}: ${String(error)}`, { cause: error });
    } finally {
      this.#restore(name, intact, bytes === undefined);
    }
    reached.changes += 1;
    if (outcome.refusals > 0) reached.refused += 1;
    else if (outcome.unreadable > 0) reached.unreadable += 1;
    else if (outcome.named > 0) reached.harmless += 1;
    else reached.dead += 1;
  }

  /** Opens every state, for reading, with its pin. Throws when one of them answers what was never there. */
  async #outcome(): Promise<Outcome> {
    const outcome = { refusals: 0, unreadable: 0, named: 0 };
    this.bench.log.lines.length = 0;
    for (const diskId of ['d-1', 'd-2']) {
      const options = { diskId, dataKey: this.#keyOf(diskId), pin: this.#pins.get(diskId), readOnly: true };
      const disk = await this.#orRefusal(() => this.bench.open(options), outcome);
      if (disk === undefined) continue;
      await this.#readAll(diskId, (offset, length) => disk.read(offset, length), outcome);
      await disk.close();
    }
    const view = await this.#orRefusal(
      () =>
        openSnapshotView(this.bench.env, {
          directory: this.bench.directory(),
          retiredDirectory: path.join(this.bench.root, 'retired'),
          diskId: 'd-1',
          snapshotId: 's-1',
          dataKey: this.#keyOf('d-1'),
          pin: this.#pins.get('d-1'),
        }),
      outcome,
    );
    if (view !== undefined) {
      await this.#readAll('s-1', (offset, length) => view.read(offset, length), outcome);
      await view.close();
    }
    outcome.named = this.bench.log.lines.filter(({ level }) => level === 'error' || level === 'warn').length;
    return outcome;
  }

  async #readAll(state: string, read: Read, outcome: Outcome): Promise<void> {
    const stamps = this.#expected.get(state) ?? new Map<number, number>();
    for (const block of [...BLOCKS, 900]) {
      const stamp = stamps.get(block);
      const content = await this.#orUnreadable(() => read(block * 4096, 4096), outcome);
      if (content === undefined) continue;
      const expected = stamp === undefined ? ZEROES : blockOf(stamp);
      assert.ok(Buffer.from(content).equals(expected), `${state}: block ${block} is neither right nor refused`);
    }
  }

  async #orRefusal<T>(open: () => Promise<T>, outcome: Outcome): Promise<T | undefined> {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof SystemError) || error.kind === 'internal') throw error;
      outcome.refusals += 1;
      return undefined;
    }
  }

  async #orUnreadable<T>(read: () => Promise<T>, outcome: Outcome): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof SystemError) || error.kind !== 'corrupt') throw error;
      outcome.unreadable += 1;
      return undefined;
    }
  }

  #restore(name: string, intact: Buffer | undefined, wasRemoved: boolean): void {
    const file = path.join(this.bench.root, name);
    if (intact === undefined) {
      rmSync(file);
      return;
    }
    const other = wasRemoved ? this.#linkOf(name) : undefined;
    if (other !== undefined) linkSync(path.join(this.bench.root, other), file);
    else writeFileSync(file, intact);
  }

  #linkOf(name: string): string | undefined {
    for (const names of this.#links.values()) if (names.includes(name)) return names.find((other) => other !== name);
    return undefined;
  }

  #noteLinks(): void {
    for (const name of this.#files.keys()) {
      const inode = String(statSync(path.join(this.bench.root, name)).ino);
      this.#links.set(inode, [...(this.#links.get(inode) ?? []), name]);
    }
  }

  async #write(disk: Disk, stamps: Map<number, number>, block: number, stamp: number): Promise<void> {
    const value = stamp + block;
    await disk.write(block * 4096, blockOf(value), { fua: false });
    stamps.set(block, value);
  }

  #keyOf(diskId: string) {
    return dataKeyOf(this.bench.suite, diskId === 'd-1' ? 7 : 9);
  }

  [Symbol.dispose](): void {
    this.bench[Symbol.dispose]();
  }
}

function filesOf(directory: string, name: string): Files {
  mkdirSync(directory, { recursive: true });
  return new Map(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(path.join(directory, file)).isFile())
      .toSorted()
      .map((file) => [`${name}/${file}`, readFileSync(path.join(directory, file))]),
  );
}

export function nothingTampered(): Tampered {
  return { changes: 0, refused: 0, unreadable: 0, harmless: 0, dead: 0 };
}

/** `flips` bytes from a place that `seed` says on, each `step` bytes behind the one before, and `exchanges`. */
export async function tamper(
  seed: number,
  flips: number,
  step: number,
  exchanges: number,
): Promise<Tampered & { readonly sizeBytes: number; readonly denseFiles: number; readonly sharedFiles: number }> {
  using world = new TamperWorld(seed % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm');
  await world.make();
  const random = new Seeded(seed);
  const reached = nothingTampered();
  const { sizeBytes, denseFiles, sharedFiles } = world;
  for (let i = 0; i < flips; i++) await world.flip((seed * flips + i * step) % sizeBytes, reached);
  for (let i = 0; i < exchanges; i++) await world.exchange(random, reached);
  return { ...reached, sizeBytes, denseFiles, sharedFiles };
}
