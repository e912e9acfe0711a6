// Files in memory with two layers, what the system holds and what is on the medium, in which any call can fail.
import path from 'node:path';

import type { LogFile, LogFiles } from '../../src/audit/log-files.ts';
import { seededRandom } from '../../bench/shuffle.ts';

interface Inode {
  /** As programs see it. */
  content: Uint8Array;
  medium: Uint8Array;
  /** Ranges that the next sync brings to the medium. */
  dirty: [from: number, to: number][];
}

export type Call = 'create' | 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'syncDirectory';

const SECTOR = 512;

export class MemoryFiles implements LogFiles {
  /** Called before each change; what it throws is what the call ends with. */
  before: (call: Call, file: string) => void = () => undefined;
  /** Every change so far. */
  calls = 0;
  readonly #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Decides how much of a failed write is there. */
  readonly #random: () => number;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  makeDirectory(): void {
    // There is one directory and it is there.
  }

  list(directory: string): readonly string[] {
    return [...this.#names.keys()]
      .filter((name) => path.dirname(name) === directory)
      .map((name) => path.basename(name));
  }

  read(file: string, from: number, length?: number): Uint8Array | undefined {
    const inode = this.#names.get(file);
    return inode?.content.slice(from, length === undefined ? undefined : from + length);
  }

  create(file: string): LogFile {
    this.#step('create', file);
    const inode: Inode = { content: new Uint8Array(0), medium: new Uint8Array(0), dirty: [] };
    this.#names.set(file, inode);
    return this.#handle(file, inode);
  }

  open(file: string): LogFile | undefined {
    const inode = this.#names.get(file);
    if (inode === undefined) return undefined;
    this.#step('open', file);
    return this.#handle(file, inode);
  }

  rename(from: string, to: string): void {
    this.#step('rename', from);
    const inode = this.#names.get(from);
    if (inode === undefined) throw failure('ENOENT');
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  remove(file: string): void {
    this.#step('remove', file);
    this.#names.delete(file);
  }

  syncDirectory(): void {
    this.#step('syncDirectory', '');
    this.#durableNames = new Map(this.#names);
  }

  /** What a program finds after this one has died. */
  afterProcessDeath(): MemoryFiles {
    const next = new MemoryFiles();
    for (const [name, { content }] of this.#names) next.#put(name, content);
    return next;
  }

  /** What a program finds after the power has failed: what was synced, and any part of the rest. */
  afterPowerLoss(seed: number): MemoryFiles {
    const random = seededRandom(seed);
    const next = new MemoryFiles();
    const names = random() < 0.5 ? this.#durableNames : this.#names;
    for (const [name, inode] of names) {
      let survived: Uint8Array = inode.medium.slice();
      const wholesale = random();
      for (const [from, to] of inode.dirty) {
        for (let at = from; at < to; at = (Math.floor(at / SECTOR) + 1) * SECTOR) {
          if (wholesale < 0.25 || (wholesale < 0.75 && random() < 0.5)) continue;
          survived = overwrite(
            survived,
            inode.content.subarray(at, Math.min(to, (Math.floor(at / SECTOR) + 1) * SECTOR)),
            at,
          );
        }
      }
      next.#put(name, survived);
    }
    return next;
  }

  /** Changes a file behind everybody's back; undefined removes it. */
  tamper(file: string, change: (content: Uint8Array) => Uint8Array | undefined): void {
    const changed = change(this.#names.get(file)?.content ?? new Uint8Array(0));
    if (changed === undefined) this.#names.delete(file);
    else this.#put(file, changed);
  }

  #put(name: string, content: Uint8Array): void {
    this.#names.set(name, { content: content.slice(), medium: content.slice(), dirty: [] });
    this.#durableNames = new Map(this.#names);
  }

  #step(call: Call, file: string): void {
    this.calls += 1;
    this.before(call, file);
  }

  #handle(file: string, inode: Inode): LogFile {
    const syncNow = (): void => {
      const ranges = inode.dirty;
      // A system that could not write pages forgets that they were dirty.
      inode.dirty = [];
      this.#step('sync', file);
      for (const [from, to] of ranges) inode.medium = overwrite(inode.medium, inode.content.subarray(from, to), from);
    };
    return {
      write: (bytes, position) => {
        const put = (part: Uint8Array): void => {
          inode.content = overwrite(inode.content, part, position);
          if (part.length > 0) inode.dirty.push([position, position + part.length]);
        };
        try {
          this.#step('write', file);
        } catch (error) {
          put(bytes.subarray(0, Math.floor(this.#random() * (bytes.length + 1))));
          throw error;
        }
        put(bytes);
      },
      sync: async () => {
        await Promise.resolve();
        syncNow();
      },
      syncNow,
      close: () => undefined,
    };
  }
}

export function failure(code: string): Error {
  return Object.assign(new Error(`${code}: made by the test`), { code });
}

function overwrite(content: Uint8Array, bytes: Uint8Array, position: number): Uint8Array {
  const longer = new Uint8Array(Math.max(content.length, position + bytes.length));
  longer.set(content);
  longer.set(bytes, position);
  return longer;
}
