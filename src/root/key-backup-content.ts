// What line 2 of a backup of keys holds. PURE. Layout: docs/formats/key-backup.md.
//
//   0   1  version, 1
//   1   4  length of the index (u32, big endian, like all integers here)
//   5   i  index: JSON, UTF-8
//   …   4  how many key files there are
//   …      of each: length (4), content of the key file before sealing
import { SystemError } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';
import type { Account } from '../metadata/accounts.ts';
import type { Alias } from '../metadata/aliases.ts';
import type { KeyVersion } from '../metadata/key-versions.ts';
import type { Key } from '../metadata/keys.ts';
import type { KmsService } from '../metadata/kms-services.ts';

const VERSION = 1;

/** The rows of keys, as the database has them. */
export interface KeyBackupIndex {
  readonly accounts: readonly Account[];
  /** Where accounts opened KMS. */
  readonly services: readonly KmsService[];
  readonly keys: readonly Key[];
  readonly keyVersions: readonly Omit<KeyVersion, 'materialSealed'>[];
  readonly aliases: readonly Alias[];
}

export interface KeyBackupContent {
  readonly index: KeyBackupIndex;
  /** docs/formats/key-file.md, before sealing; wiped by their owner. */
  readonly keyFiles: readonly Uint8Array[];
}

/** A cell of bytes is `{"hex":"…"}`. */
function bytesAsHex(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value;
}

function hexAsBytes(_name: string, value: unknown): unknown {
  const hex = typeof value === 'object' && value !== null && Object.keys(value).join() === 'hex' && 'hex' in value;
  return hex ? new Uint8Array(Buffer.from(String(value.hex), 'hex')) : value;
}

/** @returns bytes that hold the material: wiped by the caller. */
export function encodeKeyBackup({ index, keyFiles }: KeyBackupContent): Uint8Array {
  const json = Buffer.from(JSON.stringify(index, bytesAsHex), 'utf8');
  const content = wipeableBytes(9 + json.length + keyFiles.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(content.buffer);
  content[0] = VERSION;
  view.setUint32(1, json.length);
  content.set(json, 5);
  let at = 5 + json.length;
  view.setUint32(at, keyFiles.length);
  at += 4;
  for (const keyFile of keyFiles) {
    view.setUint32(at, keyFile.length);
    content.set(keyFile, at + 4);
    at += 4 + keyFile.length;
  }
  return content;
}

/**
 * @param content left to its owner; the key files are copies.
 * @throws {SystemError} kind `corrupt`, code `KEY_BACKUP_VERSION`: authentic, but not what this version writes.
 */
export function decodeKeyBackup(content: Uint8Array): KeyBackupContent {
  try {
    if (content[0] !== VERSION) throw new RangeError('another version');
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    let at = 5 + view.getUint32(1);
    const index = JSON.parse(Buffer.from(content.subarray(5, at)).toString('utf8'), hexAsBytes) as KeyBackupIndex;
    const count = view.getUint32(at);
    at += 4;
    const keyFiles: Uint8Array[] = [];
    for (let n = 0; n < count; n++) {
      const end = at + 4 + view.getUint32(at);
      if (end > content.length) throw new RangeError('a key file ends behind the end');
      keyFiles.push(wipeableCopy(content.subarray(at + 4, end)));
      at = end;
    }
    if (at !== content.length) throw new RangeError('something follows');
    return { index, keyFiles };
  } catch (cause) {
    if (!(cause instanceof RangeError) && !(cause instanceof SyntaxError)) throw cause;
    throw new SystemError(
      'corrupt',
      'KEY_BACKUP_VERSION',
      'The backup is authentic but of a version that this Sealdisk does not know; restore it with a newer one.',
    );
  }
}
