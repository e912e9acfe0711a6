import { readFile } from 'node:fs/promises';

import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { SCRYPT_COST, scryptKey } from '../crypto/kdf.ts';
import type { ScryptCost } from '../crypto/kdf.ts';
import { writeDurably } from './durable-file.ts';
import { SealedBytes } from './sealed-bytes.ts';

export const PASSPHRASE_ROOT_FILE = 'root.sealed';
/** Long enough that guessing is hopeless at a third of a second each, short enough for people. */
export const PASSPHRASE_SIZE_BYTES_MIN = 12;

/** docs/formats/root-key.md, "root.sealed". Byte strings are in hex. */
interface PassphraseRootFile extends ScryptCost {
  readonly version: 1;
  readonly kdf: 'scrypt';
  readonly salt: string;
  /** The root key, sealed under the key that scrypt makes: its tag tells a wrong passphrase. */
  readonly sealedRootKey: string;
}

/**
 * The root key out of `file`, or a new one, sealed under the passphrase, when there is no file yet.
 * @throws {SystemError} kind `denied`, code `ROOT_PASSPHRASE_WRONG`; kind `invalid`, code `ROOT_PASSPHRASE_UNUSABLE`;
 *   kind `corrupt`, code `ROOT_KEY_FILE_DAMAGED`.
 */
export async function openPassphraseRoot(
  ciphers: CipherBackend,
  random: Random,
  options: { readonly file: string; readonly exists: boolean; readonly passphraseFile: string },
  cost: ScryptCost = SCRYPT_COST,
): Promise<Uint8Array> {
  const passphrase = await readPassphrase(options.passphraseFile);
  try {
    return options.exists
      ? await unseal(ciphers, random, parse(options.file, await readFile(options.file, 'utf8')), passphrase)
      : await create(ciphers, random, options.file, passphrase, cost);
  } finally {
    passphrase.fill(0);
  }
}

async function create(
  ciphers: CipherBackend,
  random: Random,
  file: string,
  passphrase: Uint8Array,
  cost: ScryptCost,
): Promise<Uint8Array> {
  const root = random.bytes(32);
  const salt = random.bytes(32);
  const key = await scryptKey(passphrase, salt, cost);
  const sealedRootKey = new SealedBytes(ciphers, random, key).seal(context(cost, salt), root);
  key.fill(0);
  const content: PassphraseRootFile = {
    version: 1,
    kdf: 'scrypt',
    ...cost,
    salt: Buffer.from(salt).toString('hex'),
    sealedRootKey: Buffer.from(sealedRootKey).toString('hex'),
  };
  await writeDurably(file, Buffer.from(`${JSON.stringify(content, null, 2)}\n`), { replace: false });
  return root;
}

async function unseal(
  ciphers: CipherBackend,
  random: Random,
  stored: PassphraseRootFile,
  passphrase: Uint8Array,
): Promise<Uint8Array> {
  const salt = Buffer.from(stored.salt, 'hex');
  const key = await scryptKey(passphrase, salt, stored);
  try {
    const sealed = Buffer.from(stored.sealedRootKey, 'hex');
    return new SealedBytes(ciphers, random, key).open(context(stored, salt), sealed);
  } catch (error) {
    throw new SystemError(
      'denied',
      'ROOT_PASSPHRASE_WRONG',
      `The passphrase does not open ${PASSPHRASE_ROOT_FILE}; check SEALDISK_PASSPHRASE_FILE, or restore ${PASSPHRASE_ROOT_FILE} if it was changed.`,
      { cause: error },
    );
  } finally {
    key.fill(0);
  }
}

function parse(file: string, content: string): PassphraseRootFile {
  let stored: Partial<PassphraseRootFile> = {};
  try {
    stored = JSON.parse(content) as Partial<PassphraseRootFile>;
  } catch {
    // Falls through to the refusal: the fields are missing.
  }
  const { version, kdf, n, r, p, salt, sealedRootKey } = stored ?? {};
  // Bounds of cost: 1 GiB of memory and 16 lanes, so that a changed file cannot take the machine down.
  const costly =
    !isCount(n) || !isCount(r) || !isCount(p) || n < 2 || 128 * n * r > 1024 ** 3 || p > 16 || Math.log2(n) % 1 !== 0;
  const isHex = (text: unknown): text is string => typeof text === 'string' && /^([0-9a-f]{2})+$/.test(text);
  if (version !== 1 || kdf !== 'scrypt' || costly || !isHex(salt) || !isHex(sealedRootKey)) {
    throw new SystemError(
      'corrupt',
      'ROOT_KEY_FILE_DAMAGED',
      `${file} is not a sealed root key that this version can read; restore it from where you keep it.`,
    );
  }
  return { version, kdf, n, r, p, salt, sealedRootKey };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

function context(cost: ScryptCost, salt: Uint8Array): string {
  return `root-key:scrypt:${cost.n}:${cost.r}:${cost.p}:${Buffer.from(salt).toString('hex')}`;
}

async function readPassphrase(file: string): Promise<Uint8Array> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw unusable(`The passphrase file ${file} cannot be read; check SEALDISK_PASSPHRASE_FILE.`, error);
  }
  // Editors end a file with a line break, which nobody means as part of the passphrase.
  let end = content.length;
  if (content[end - 1] === 0x0a) end -= 1;
  if (content[end - 1] === 0x0d) end -= 1;
  const passphrase = Uint8Array.from(content.subarray(0, end));
  content.fill(0);
  if (passphrase.length < PASSPHRASE_SIZE_BYTES_MIN)
    throw unusable(`The passphrase in ${file} has fewer than ${PASSPHRASE_SIZE_BYTES_MIN} bytes; take a longer one.`);
  return passphrase;
}

function unusable(message: string, cause?: unknown): SystemError {
  return new SystemError('invalid', 'ROOT_PASSPHRASE_UNUSABLE', message, { cause });
}
