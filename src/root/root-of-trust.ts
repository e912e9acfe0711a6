import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';

import { assert } from '../base/assert.ts';
import { SystemError, isKind } from '../base/errors.ts';
import { Mutex } from '../base/mutex.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { writeDurably } from '../kms/durable-file.ts';
import { SealedBytes } from '../kms/sealed-bytes.ts';
import { ROOT_KEY_FILE } from './file-provider.ts';
import { decodeKeyring, encodeKeyring } from './keyring-content.ts';
import { Keyring, PURPOSES, STORE_KEY_SIZE_BYTES } from './keyring.ts';
import type { Purpose, StoreKey } from './keyring.ts';
import type { ProviderKind, ProviderRecord } from './provider.ts';
import { providerOf } from './providers.ts';
import type { ProviderParts } from './providers.ts';
import { keyringKeyOf, rootKeyContext, rootKeyId, ROOT_KEY_SIZE_BYTES } from './root-key.ts';
import { encodeSealedFile, parseSealedFile } from './sealed-file.ts';
import type { SealedFileHeader } from './sealed-file.ts';

export const KEYRING_FILE = 'keyring';

/** Whose secret a rotation uses. */
export interface Keeping {
  /** Another provider than before. */
  readonly kind?: ProviderKind | undefined;
  /** For the provider `passphrase`, in place of the configured file; its owner wipes it. */
  readonly passphrase?: Uint8Array | undefined;
}

/** What providers answer when their root key does not come. */
const PROVIDER_CODES = /^(SEALED$|ROOT_PASSPHRASE_WRONG$|PKCS11_|ROOT_KMS_)/;

/** True when a server may wait for what failed: a passphrase, a token, another server. */
export function staysSealed(error: unknown): error is SystemError {
  return (isKind(error, 'unavailable') || isKind(error, 'denied')) && PROVIDER_CODES.test(error.code);
}

/**
 * The root key's file `DIR/keyring`: it is sealed under the root key, holds the store keys, and those seal everything else.
 * The root key itself is kept by a provider and is in memory only while the keyring is opened or sealed.
 * Format: docs/formats/keyring.md. Reason: docs/decisions/0026-keyring.md.
 */
export class RootOfTrust implements Disposable {
  readonly keyring: Keyring;
  readonly #parts: ProviderParts;
  /** One change at a time: each writes the whole file. */
  readonly #turn = new Mutex();
  #header: SealedFileHeader;
  #key: SecretBytes;
  /** A write of the keyring failed so that either content may be what lies there. */
  #uncertain = false;

  private constructor(parts: ProviderParts, keyring: Keyring, header: SealedFileHeader, key: SecretBytes) {
    this.#parts = parts;
    this.keyring = keyring;
    this.#header = header;
    this.#key = key;
  }

  /**
   * Opens the keyring, or makes it on the very first start.
   * @param options.databaseExists a keyring is made only while there is no database: another one could open nothing.
   * @throws {SystemError} what `staysSealed` recognises, when the provider does not give the root key (yet); kind
   *   `conflict`, codes `KEYRING_MISSING`, `ROOT_KEY_MISSING`, `ROOT_KEY_MISMATCH`; kind `corrupt`; kind `invalid`.
   */
  static async open(
    parts: ProviderParts,
    options: { readonly databaseExists: boolean; readonly passphrase?: Uint8Array | undefined },
  ): Promise<RootOfTrust> {
    const { dataDirectory, ciphers, random } = parts;
    const stored = await readIfThere(path.join(dataDirectory, KEYRING_FILE));
    if (stored === undefined) return RootOfTrust.#make(parts, options);
    const file = parseSealedFile('sealdisk-keyring', KEYRING_FILE, stored);
    const provider = providerOf(parts, file.header.provider.kind, options.passphrase);
    const rootKey = await provider.unwrap(rootKeyContext(file.header.id), file.header.provider);
    const key = new SecretBytes(keyringKeyOf(rootKey));
    rootKey.fill(0);
    const keyring = new Keyring(ciphers, random);
    try {
      const content = file.open(new SealedBytes(ciphers, random, key.reveal()));
      for (const storeKey of decodeKeyring(content)) keyring.add(storeKey);
      content.fill(0);
    } catch (error) {
      key[Symbol.dispose]();
      throw error;
    }
    return new RootOfTrust(parts, keyring, file.header, key);
  }

  static async #make(
    parts: ProviderParts,
    options: { readonly databaseExists: boolean; readonly passphrase?: Uint8Array | undefined },
  ): Promise<RootOfTrust> {
    const { dataDirectory, settings, ciphers, random, clock } = parts;
    if (options.databaseExists)
      throw new SystemError(
        'conflict',
        'KEYRING_MISSING',
        `There is a database but no ${path.join(dataDirectory, KEYRING_FILE)}, and nothing that is stored opens without it; put the file back from a copy.`,
      );
    if ((await readIfThere(path.join(dataDirectory, ROOT_KEY_FILE))) !== undefined)
      throw new SystemError(
        'conflict',
        'KEYRING_MISSING',
        `There is a ${ROOT_KEY_FILE} but no ${path.join(dataDirectory, KEYRING_FILE)}; put the keyring and the database back from a copy, or choose an empty data directory.`,
      );
    const keyring = new Keyring(ciphers, random);
    const unsealed = {
      what: 'sealdisk-keyring',
      id: '',
      createdMs: clock.nowMs(),
      provider: { kind: 'file' },
    } as const;
    const root = new RootOfTrust(parts, keyring, unsealed, new SecretBytes(new Uint8Array(0)));
    await root.#changeRootKey(
      { kind: settings.provider ?? 'file', passphrase: options.passphrase },
      root.#newStoreKeys(PURPOSES),
    );
    await root.settle();
    return root;
  }

  get provider(): ProviderKind {
    return this.#header.provider.kind;
  }

  /** Names the root key and tells nothing of it. */
  get rootKeyId(): string {
    return this.#header.id;
  }

  get rootKeyCreatedMs(): number {
    return this.#header.createdMs;
  }

  /**
   * Lets go of earlier root keys. To be called once it is known that the keyring opens the database beside it: until
   * then the earlier ones may be the ones that are needed.
   */
  settle(): Promise<void> {
    return this.#turn.run(async () => {
      const { provider, id } = this.#header;
      await providerOf(this.#parts, provider.kind).settle(rootKeyContext(id));
      if (provider.kind !== 'file') await providerOf(this.#parts, 'file').release();
    });
  }

  /**
   * A new root key, from now on the only one, and new store keys for rows and key files. What the earlier store keys
   * sealed has to be sealed anew (`Resealing`) before they are forgotten. Durable when it resolves; when it fails, or the
   * process ends on the way, one of the two root keys opens everything, and `open` finds out which.
   * @throws {SystemError} what the provider refuses; nothing is changed then.
   */
  async rotate(keeping: Keeping = {}): Promise<void> {
    await this.#turn.run(() => this.#changeRootKey(keeping, this.#newStoreKeys(['rows', 'keys'])));
    await this.settle();
  }

  /** A new store key under the same root key: what is sealed for `purpose` from now on is sealed under it. */
  renew(purpose: 'rows' | 'keys'): Promise<void> {
    return this.#turn.run(() => this.#store(this.#header, this.#key, this.#newStoreKeys([purpose])));
  }

  /** Forgets the store keys of a purpose before `than`, durably. The caller knows that nothing needs them. */
  forgetEarlier(purpose: 'rows' | 'keys', than: number): Promise<void> {
    return this.#turn.run(async () => {
      for (const number of this.keyring.numbersOf(purpose)) if (number < than) this.keyring.forget(number);
      await this.#store(this.#header, this.#key, []);
    });
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
    this.keyring[Symbol.dispose]();
  }

  async #changeRootKey({ kind = this.provider, passphrase }: Keeping, added: readonly StoreKey[]): Promise<void> {
    const { random, clock } = this.#parts;
    this.#refuseUncertain();
    const rootKey = random.bytes(ROOT_KEY_SIZE_BYTES);
    try {
      const id = rootKeyId(rootKey);
      const provider = await wrapAndVerify(this.#parts, kind, passphrase, rootKeyContext(id), rootKey);
      const header = { what: 'sealdisk-keyring', id, createdMs: clock.nowMs(), provider } as const;
      const key = new SecretBytes(keyringKeyOf(rootKey));
      await this.#store(header, key, added);
      this.#key[Symbol.dispose]();
      this.#header = header;
      this.#key = key;
    } finally {
      rootKey.fill(0);
    }
  }

  /** Nothing is sealed under the added keys before they are durable. */
  async #store(header: SealedFileHeader, key: SecretBytes, added: readonly StoreKey[]): Promise<void> {
    const { dataDirectory, ciphers, random } = this.#parts;
    this.#refuseUncertain();
    const content = encodeKeyring([...this.keyring.storeKeys, ...added]);
    const sealed = encodeSealedFile(header, new SealedBytes(ciphers, random, key.reveal()), content);
    content.fill(0);
    const file = path.join(dataDirectory, KEYRING_FILE);
    const before = await readIfThere(file);
    try {
      await writeDurably(file, sealed, { replace: true });
    } catch (error) {
      const after = await readIfThere(file).catch(() => undefined);
      this.#uncertain = Buffer.compare(before ?? sealed, after ?? sealed) !== 0;
      throw error;
    }
    for (const storeKey of added) this.keyring.add(storeKey);
  }

  /** Another change could overwrite the root key that the file on the medium needs. */
  #refuseUncertain(): void {
    if (this.#uncertain)
      throw new SystemError(
        'conflict',
        'KEYRING_UNCERTAIN',
        'An earlier change of the keyring failed half-way; restart the server, which finds out what holds, and try again.',
      );
  }

  #newStoreKeys(purposes: readonly Purpose[]): StoreKey[] {
    const { random, clock } = this.#parts;
    const first = this.keyring.nextNumber;
    assert(first + purposes.length < 2 ** 32, 'numbers of store keys fit 32 bits');
    return purposes.map((purpose, index) => ({
      number: first + index,
      purpose,
      createdMs: clock.nowMs(),
      key: random.bytes(STORE_KEY_SIZE_BYTES),
    }));
  }
}

/** Gives a secret to a provider and takes it back once, so that a misconfigured one is found out before it matters. */
async function wrapAndVerify(
  parts: ProviderParts,
  kind: ProviderKind,
  passphrase: Uint8Array | undefined,
  context: string,
  secret: Uint8Array,
): Promise<ProviderRecord> {
  const provider = providerOf(parts, kind, passphrase);
  const record = await provider.wrap(context, secret);
  const again = await provider.unwrap(context, record);
  const same = Buffer.compare(again, secret) === 0;
  again.fill(0);
  if (!same)
    throw new SystemError(
      'internal',
      'PROVIDER_UNFAITHFUL',
      `The provider ${kind} does not give back what it was given.`,
    );
  return record;
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    // A link would be replaced by the next rotation, and not what it points to.
    if (!(await lstat(file)).isFile())
      throw new SystemError('conflict', 'NOT_A_FILE', `${file} must be a plain file; put the file itself there.`);
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
