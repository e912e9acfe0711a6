import { open } from 'node:fs/promises';

import { SystemError, messageOf } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';

/** Where a passphrase or PIN comes from: fresh bytes at each call, wiped by the caller. Undefined: nobody gave one. */
export type SecretSource = () => Promise<Uint8Array | undefined>;

/** Far more than anybody types, and a bound for a file that was named by mistake. */
const SECRET_SIZE_BYTES_MAX = 4096;

/** A secret that was handed over. @param secret kept by reference: its owner wipes it. */
export function givenSecret(secret: Uint8Array): SecretSource {
  return async () => wipeableCopy(secret);
}

/**
 * The content of a file, without one final line break.
 * @param setting how to name the file to a person.
 */
export function secretFile(file: string | undefined, setting: string): SecretSource {
  return async () => (file === undefined ? undefined : readSecret(file, setting));
}

/** @throws {SystemError} kind `invalid`, code `SECRET_FILE_UNREADABLE`. */
async function readSecret(file: string, setting: string): Promise<Uint8Array> {
  const content = wipeableBytes(SECRET_SIZE_BYTES_MAX + 1);
  try {
    await using handle = await open(file, 'r');
    const { bytesRead } = await handle.read(content, 0, content.length, null);
    if (bytesRead > SECRET_SIZE_BYTES_MAX) throw new Error('it is too long for a secret');
    // Editors end a file with a line break, which nobody means as part of the secret.
    let end = bytesRead;
    if (content[end - 1] === 0x0a) end -= 1;
    if (content[end - 1] === 0x0d) end -= 1;
    return wipeableCopy(content.subarray(0, end));
  } catch (cause) {
    throw new SystemError(
      'invalid',
      'SECRET_FILE_UNREADABLE',
      `The file ${file} cannot be read (${messageOf(cause)}); check ${setting}.`,
      { cause },
    );
  } finally {
    content.fill(0);
  }
}
