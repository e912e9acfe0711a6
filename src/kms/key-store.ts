import { access, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { assert } from '../base/assert.ts';
import { isKind, SystemError } from '../base/errors.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { eraseDurably, syncDirectory, temporaryOf, writeDurably } from './durable-file.ts';
import { decodeKeyFile, encodeKeyFile } from './key-file.ts';
import type { KeyFileHeader } from './key-file.ts';

const FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The only home of key material: one sealed file for each key version, beside the database, so that an older database
 * put back loses no key made since. Rows in `keys` and `key_versions` are an index over these files.
 * Source: engine-structure.md section 1.3 R5. Format: docs/formats/key-file.md.
 */
export class KeyStore {
  readonly #directory: string;
  readonly #sealer: Sealer;

  private constructor(directory: string, sealer: Sealer) {
    this.#directory = directory;
    this.#sealer = sealer;
  }

  /** @param dataDirectory the keys lie in its `keys/`, made when missing. */
  static async open(dataDirectory: string, sealer: Sealer): Promise<KeyStore> {
    const directory = path.join(dataDirectory, 'keys');
    await mkdir(directory, { mode: 0o700, recursive: true });
    await syncDirectory(dataDirectory);
    return new KeyStore(directory, sealer);
  }

  /** Durable when it resolves. @param material not retained. */
  async write(header: KeyFileHeader, material: Uint8Array): Promise<void> {
    const content = encodeKeyFile(header, material);
    const sealed = this.#sealer.seal(contextOf(header.keyVersionId), content);
    content.fill(0);
    await writeDurably(this.#fileOf(header.keyVersionId), sealed, { replace: false });
  }

  /**
   * The material of a key version: dispose it as soon as it is used.
   * @throws {SystemError} kind `corrupt`, codes `KEY_FILE_MISSING`, `SEALED_BYTES_DAMAGED`, `KEY_FILE_VERSION`.
   */
  async read(keyVersionId: string): Promise<{ readonly header: KeyFileHeader; readonly material: SecretBytes }> {
    let sealed: Uint8Array;
    try {
      sealed = await readFile(this.#fileOf(keyVersionId));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new SystemError(
        'corrupt',
        'KEY_FILE_MISSING',
        `The material of key version ${keyVersionId} is not in the data directory; restore keys/${keyVersionId} from a copy.`,
      );
    }
    const content = this.#sealer.open(contextOf(keyVersionId), sealed);
    const { header, material } = decodeKeyFile(content);
    content.fill(0);
    return { header, material: new SecretBytes(material) };
  }

  async has(keyVersionId: string): Promise<boolean> {
    try {
      await access(this.#fileOf(keyVersionId));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /**
   * The ids of all files that hold a version of the key, also of those that no row knows: what a crash left, or versions
   * that are newer than the database. Reads every file; a file that does not open is nobody's.
   */
  async versionsOf(keyId: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await readdir(this.#directory)) {
      if (!FILE_NAME.test(name)) continue;
      try {
        const { header, material } = await this.read(name);
        material[Symbol.dispose]();
        if (header.keyId === keyId) found.push(name);
      } catch (error) {
        if (!isKind(error, 'corrupt')) throw error;
      }
    }
    return found;
  }

  /** Overwrites and removes the material, durably, with what a crash left of writing it. Doing it twice is fine. */
  async destroy(keyVersionId: string): Promise<void> {
    const file = this.#fileOf(keyVersionId);
    await eraseDurably(temporaryOf(file));
    await eraseDurably(file);
  }

  #fileOf(keyVersionId: string): string {
    assert(FILE_NAME.test(keyVersionId), 'a key version id is a lower-case UUID');
    return path.join(this.#directory, keyVersionId);
  }
}

const contextOf = (keyVersionId: string): string => `key-version:${keyVersionId}`;
