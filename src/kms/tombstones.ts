import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { assert } from '../base/assert.ts';
import { isKind } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
import type { DestroyedKey } from '../metadata/destroyed-keys.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { eraseDurably, syncDirectory, writeDurably } from './durable-file.ts';
import { decodeTombstone, encodeTombstone } from './tombstone-file.ts';

const FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A sealed file for each destroyed key, in a directory of its own: an old copy of `keys/`, or of the whole data directory
 * laid over this one, does not take them away. Format: docs/formats/key-file.md.
 */
export class Tombstones {
  readonly #directory: string;
  readonly #sealer: Sealer;
  readonly #turn = new Mutex();

  private constructor(directory: string, sealer: Sealer) {
    this.#directory = directory;
    this.#sealer = sealer;
  }

  /** @param dataDirectory they lie in its `destroyed-keys/`, made when missing. */
  static async open(dataDirectory: string, sealer: Sealer): Promise<Tombstones> {
    const directory = path.join(dataDirectory, 'destroyed-keys');
    await mkdir(directory, { mode: 0o700, recursive: true });
    await syncDirectory(dataDirectory);
    return new Tombstones(directory, sealer);
  }

  /** Durable when it resolves. One that is there is replaced. */
  write(key: DestroyedKey): Promise<void> {
    return this.#turn.run(() => this.#write(key));
  }

  /** For a key that its owner wants back. Durable when it resolves; a missing one is fine. */
  remove(keyId: string): Promise<void> {
    return this.#turn.run(() => eraseDurably(this.#fileOf(keyId)));
  }

  /** Seals every tombstone anew that opens. One that does not is made from its row at the next start. */
  resealAll(): Promise<void> {
    return this.#turn.run(async () => {
      for (const key of (await this.list()).keys) await this.#write(key);
    });
  }

  /** `damaged`: the key ids of those that do not open, because they were changed or sealed under another root key. */
  async list(): Promise<{ readonly keys: DestroyedKey[]; readonly damaged: string[] }> {
    const keys: DestroyedKey[] = [];
    const damaged: string[] = [];
    for (const name of (await readdir(this.#directory)).toSorted()) {
      if (!FILE_NAME.test(name)) continue;
      const sealed = await readFile(path.join(this.#directory, name));
      try {
        keys.push(decodeTombstone(this.#sealer.open(contextOf(name), sealed)));
      } catch (error) {
        if (!isKind(error, 'corrupt')) throw error;
        damaged.push(name);
      }
    }
    return { keys, damaged };
  }

  async #write(key: DestroyedKey): Promise<void> {
    const sealed = this.#sealer.seal(contextOf(key.keyId), encodeTombstone(key));
    await writeDurably(this.#fileOf(key.keyId), sealed, { replace: true });
  }

  #fileOf(keyId: string): string {
    assert(FILE_NAME.test(keyId), 'a key id is a lower-case UUID');
    return path.join(this.#directory, keyId);
  }
}

const contextOf = (keyId: string): string => `destroyed-key:${keyId}`;
