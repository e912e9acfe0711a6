import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { assert } from '../base/assert.ts';
import { isKind } from '../base/errors.ts';
import type { DestroyedKey } from '../metadata/destroyed-keys.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { syncDirectory, writeDurably } from './durable-file.ts';
import { decodeTombstone, encodeTombstone } from './tombstone-file.ts';

const FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A sealed file for each destroyed key, in a directory of its own: an old copy of `keys/`, or of the whole data directory
 * laid over this one, does not take them away. Format: docs/formats/key-file.md.
 */
export class Tombstones {
  readonly #directory: string;
  readonly #sealer: Sealer;

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
  async write(key: DestroyedKey): Promise<void> {
    assert(FILE_NAME.test(key.keyId), 'a key id is a lower-case UUID');
    const sealed = this.#sealer.seal(contextOf(key.keyId), encodeTombstone(key));
    await writeDurably(path.join(this.#directory, key.keyId), sealed, { replace: true });
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
}

const contextOf = (keyId: string): string => `destroyed-key:${keyId}`;
