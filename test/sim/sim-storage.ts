/**
 * What a machine's storage holds, in two layers. The cache is what every process sees; the platter is what power loss
 * leaves. Data reaches the platter by sectors, names by directory operations, each when it is synced or by chance.
 */
import type { Seeded } from './seeded.ts';

export const SECTOR_BYTES = 512;

/** One file's bytes. */
export class SimFile {
  readonly kind = 'file';
  readonly inode: number;
  cache = Buffer.alloc(0);
  size = 0;
  platter = Buffer.alloc(0);
  platterSize = 0;
  /** Sectors whose cached bytes are not known to be on the platter, and when they were changed last. */
  readonly dirty = new Map<number, number>();
  readonly #tick: () => number;

  constructor(inode: number, tick: () => number) {
    this.inode = inode;
    this.#tick = tick;
  }

  write(data: Uint8Array, position: number): void {
    const end = position + data.length;
    if (end > this.cache.length) this.cache = grown(this.cache, end);
    this.cache.set(data, position);
    this.size = Math.max(this.size, end);
    const change = this.#tick();
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++)
      this.dirty.set(sector, change);
  }

  /** Puts the sectors of `captured` on the platter, and the size. */
  persist(captured: ReadonlyMap<number, number>, size: number): void {
    for (const [sector, change] of captured) {
      this.persistSector(sector, SECTOR_BYTES);
      if (this.dirty.get(sector) === change) this.dirty.delete(sector);
    }
    this.platterSize = Math.max(this.platterSize, size);
  }

  /** The first `bytes` bytes of a sector reach the platter. */
  persistSector(sector: number, bytes: number): void {
    const from = sector * SECTOR_BYTES;
    if (from + SECTOR_BYTES > this.platter.length) this.platter = grown(this.platter, from + SECTOR_BYTES);
    this.cache.copy(this.platter, from, from, Math.min(from + bytes, this.cache.length));
  }

  /** Power is lost: what is not on the platter is gone. */
  revert(): void {
    this.size = this.platterSize;
    this.cache = Buffer.alloc(Math.max(this.size, SECTOR_BYTES));
    this.platter.copy(this.cache, 0, 0, this.size);
    this.platter = Buffer.from(this.cache);
    this.dirty.clear();
  }
}

export class SimDirectory {
  readonly kind = 'directory';
  readonly inode: number;
  readonly entries = new Map<string, SimNode>();
  readonly platterEntries = new Map<string, SimNode>();

  constructor(inode: number) {
    this.inode = inode;
  }
}

export type SimNode = SimFile | SimDirectory;

/** A change of names that is on the platter completely or not at all. */
interface NameChange {
  readonly at: number;
  readonly changes: readonly {
    readonly directory: SimDirectory;
    readonly name: string;
    readonly node: SimNode | undefined;
  }[];
}

/** How power loss treats what was not synced. `prefix`: what happened up to some moment survives, nothing after it. */
export type Fate = 'dropped' | 'kept' | 'mixed' | 'torn' | 'prefix';
const FATES: readonly Fate[] = ['dropped', 'kept', 'mixed', 'mixed', 'torn', 'torn'];

export class SimStorage {
  readonly root = new SimDirectory(1);
  /** Names of locks that a living process holds. */
  readonly locks = new Set<string>();
  tornSectors = 0;
  droppedSectors = 0;
  /** Bytes that files may still grow by. */
  freeBytes = Infinity;
  #nextInode = 2;
  #pending: NameChange[] = [];
  #now = 0;
  readonly #files = new Set<SimFile>();

  newFile(): SimFile {
    const file = new SimFile(this.#nextInode++, () => ++this.#now);
    this.#files.add(file);
    return file;
  }

  newDirectory(): SimDirectory {
    return new SimDirectory(this.#nextInode++);
  }

  find(path: string): SimNode | undefined {
    let node: SimNode | undefined = this.root;
    for (const part of path.split('/').filter((name) => name !== '')) {
      if (node?.kind !== 'directory') return undefined;
      node = node.entries.get(part);
    }
    return node;
  }

  /** How many names something has. */
  namesOf(wanted: SimNode, directory = this.root): number {
    let names = 0;
    for (const node of directory.entries.values()) {
      if (node === wanted) names += 1;
      if (node.kind === 'directory') names += this.namesOf(wanted, node);
    }
    return names;
  }

  /** Changes names in the cache, in one step. */
  rename(...changes: NameChange['changes'][number][]): void {
    const before = changes.map(({ directory, name }) => directory.entries.get(name));
    for (const { directory, name, node } of changes) {
      if (node === undefined) directory.entries.delete(name);
      else directory.entries.set(name, node);
    }
    this.#pending.push({ at: ++this.#now, changes });
    for (const node of before) if (node?.kind === 'file' && this.namesOf(node) === 0) this.freeBytes += node.size;
  }

  /** Makes the names of one directory durable, with whatever happened in the same steps. */
  syncDirectory(directory: SimDirectory): void {
    this.#pending = this.#pending.filter((change) => {
      if (!change.changes.some((entry) => entry.directory === directory)) return true;
      applyToPlatter(change);
      return false;
    });
  }

  /** The machine stops: for each thing that was not synced, chance decides, or `wanted`. */
  losePower(random: Seeded, wanted?: Fate): void {
    const end = wanted === 'prefix' ? random.below(this.#now + 2) : undefined;
    for (const change of this.#pending) {
      const kept = end !== undefined ? change.at < end : (sureFate(wanted) ?? random.chance(0.5));
      if (kept) applyToPlatter(change);
    }
    this.#pending = [];
    const fate = wanted ?? random.pick(FATES);
    for (const file of this.#files)
      if (end !== undefined) keepPrefix(file, end);
      else this.#loseSectors(file, fate, random);
    revertNames(this.root);
    this.locks.clear();
  }

  #loseSectors(file: SimFile, fate: Fate, random: Seeded): void {
    for (const sector of file.dirty.keys()) {
      const kept = fate === 'kept' || (fate !== 'dropped' && random.chance(0.5));
      if (!kept) {
        this.droppedSectors += 1;
        continue;
      }
      const torn = fate === 'torn' && random.chance(0.5);
      if (torn) this.tornSectors += 1;
      file.persistSector(sector, torn ? 1 + random.below(SECTOR_BYTES - 1) : SECTOR_BYTES);
    }
    if (file.size !== file.platterSize && fate !== 'dropped' && random.chance(0.7)) {
      const grownBy = Math.max(0, file.size - file.platterSize);
      file.platterSize += random.chance(0.5) ? grownBy : random.below(grownBy + 1);
    }
    file.revert();
  }
}

/** Whether a change of names survives, where `fate` says so for certain. */
function sureFate(fate: Fate | undefined): boolean | undefined {
  return fate === 'kept' ? true : fate === 'dropped' ? false : undefined;
}

/** What was changed last before `end` survives; of a sector that was changed again after it, nothing new. */
function keepPrefix(file: SimFile, end: number): void {
  for (const [sector, change] of file.dirty) {
    if (change >= end) continue;
    file.persistSector(sector, SECTOR_BYTES);
    file.platterSize = Math.max(file.platterSize, Math.min(file.size, (sector + 1) * SECTOR_BYTES));
  }
  file.revert();
}

function applyToPlatter(change: NameChange): void {
  for (const { directory, name, node } of change.changes) {
    if (node === undefined) directory.platterEntries.delete(name);
    else directory.platterEntries.set(name, node);
  }
}

function revertNames(directory: SimDirectory): void {
  directory.entries.clear();
  for (const [name, node] of directory.platterEntries) {
    directory.entries.set(name, node);
    if (node.kind === 'directory') revertNames(node);
  }
}

function grown(buffer: Buffer, size: number): Buffer<ArrayBuffer> {
  const larger = Buffer.alloc(Math.max(size, buffer.length * 2, 4 * SECTOR_BYTES));
  buffer.copy(larger);
  return larger;
}
