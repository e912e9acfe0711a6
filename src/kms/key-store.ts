import { readFileSync } from 'node:fs';
import { access, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';

import { assert } from '../base/assert.ts';
import { isKind, SystemError } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
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
  /** Whatever writes or removes takes turns, so that sealing a file anew never brings back a destroyed one. */
  readonly #turn = new Mutex();

  private constructor(directory: string, sealer: Sealer) {
    this.#directory = directory;
    this.#sealer = sealer;
  }

  /** @param dataDirectory the keys lie in its `keys/`, made when missing. */
  static async open(dataDirectory: string, sealer: Sealer): Promise<KeyStore> {
    const directory = path.join(dataDirectory, 'keys');
    await mkdir(directory, { mode: 0o700, recursive: true });
    await syncDirectory(dataDirectory);
    for (const name of await readdir(directory))
      if (FILE_NAME.test(path.parse(name).name) && name === temporaryOf(path.parse(name).name))
        await eraseDurably(path.join(directory, name));
    return new KeyStore(directory, sealer);
  }

  /** Durable when it resolves. @param material not retained. */
  write(header: KeyFileHeader, material: Uint8Array): Promise<void> {
    return this.#turn.run(async () => {
      const file = this.#fileOf(header.keyVersionId);
      const content = encodeKeyFile(header, material);
      const sealed = this.#sealer.seal(contextOf(header.keyVersionId), content);
      content.fill(0);
      await writeDurably(file, sealed, { replace: false });
    });
  }

  /**
   * The material of a key version: dispose it as soon as it is used.
   * @throws {SystemError} kind `corrupt`, codes `KEY_FILE_MISSING`, `SEALED_BYTES_DAMAGED`, `KEY_FILE_VERSION`.
   */
  async read(keyVersionId: string): Promise<{ readonly header: KeyFileHeader; readonly material: SecretBytes }> {
    const sealed = readIfThere(this.#fileOf(keyVersionId));
    if (sealed === undefined)
      throw new SystemError(
        'corrupt',
        'KEY_FILE_MISSING',
        `The material of key version ${keyVersionId} is not in the data directory; restore keys/${keyVersionId} from a copy.`,
      );
    const content = this.#sealer.open(contextOf(keyVersionId), sealed);
    const { header, material } = decodeKeyFile(content);
    content.fill(0);
    return { header, material: new SecretBytes(material) };
  }

  has(keyVersionId: string): Promise<boolean> {
    return access(this.#fileOf(keyVersionId)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
  }

  /** The ids of all key versions whose material is here. */
  async list(): Promise<string[]> {
    return (await readdir(this.#directory)).filter((name) => FILE_NAME.test(name)).toSorted();
  }

  /**
   * The ids of all files that hold a version of the key, also of those that no row knows: what a crash left, or versions
   * that are newer than the database. Reads every file; a file that does not open is nobody's.
   */
  async versionsOf(keyId: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of await this.list()) {
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
  destroy(keyVersionId: string): Promise<void> {
    return this.#turn.run(async () => {
      const file = this.#fileOf(keyVersionId);
      await eraseDurably(temporaryOf(file));
      await eraseDurably(file);
    });
  }

  /**
   * Seals every file anew that sorts before `prefix`, each atomically. Can be interrupted anywhere and run again.
   * @throws {SystemError} kind `corrupt`: a file does not open; the others may not have been sealed yet.
   */
  async resealEarlier(prefix: Uint8Array, told: (resealed: number) => void = () => undefined): Promise<number> {
    let resealed = 0;
    for (const keyVersionId of await this.list())
      await this.#turn.run(async () => {
        const file = this.#fileOf(keyVersionId);
        const sealed = readIfThere(file);
        if (sealed === undefined || !isEarlier(sealed, prefix)) return;
        const content = this.#sealer.open(contextOf(keyVersionId), sealed);
        const renewed = this.#sealer.seal(contextOf(keyVersionId), content);
        content.fill(0);
        await writeDurably(file, renewed, { replace: true });
        resealed += 1;
        told(resealed);
      });
    return resealed;
  }

  /** Runs `then` when no file sorts before `prefix`, with none written meanwhile. Answers whether it did. */
  whenNoneIsEarlier(prefix: Uint8Array, then: () => Promise<void>): Promise<boolean> {
    return this.#turn.run(async () => {
      for (const keyVersionId of await this.list()) {
        const sealed = readIfThere(this.#fileOf(keyVersionId));
        if (sealed !== undefined && isEarlier(sealed, prefix)) return false;
      }
      await then();
      return true;
    });
  }

  #fileOf(keyVersionId: string): string {
    assert(FILE_NAME.test(keyVersionId), 'a key version id is a lower-case UUID');
    return path.join(this.#directory, keyVersionId);
  }
}

const contextOf = (keyVersionId: string): string => `key-version:${keyVersionId}`;

const isEarlier = (bytes: Uint8Array, prefix: Uint8Array): boolean =>
  Buffer.compare(bytes.subarray(0, prefix.length), prefix) < 0;

/** At once: a few hundred bytes, mostly in the page cache, are not worth four trips to another thread. */
function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
