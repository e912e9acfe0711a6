import { readSync } from 'node:fs';
import { open } from 'node:fs/promises';

import { messageOf, SystemError } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';

const SIZE_BYTES_MAX = 4096;
const STDIN_FD = 0;
const CTRL_C = 0x03;
const BACKSPACES = [0x08, 0x7f];
const LINE_ENDS = [0x0a, 0x0d, 0x04];

/**
 * A passphrase: the content of `file`, of standard input, or what is typed at the terminal without being shown; without
 * one final line break. It is never an argument, which every user of the machine could read.
 * @returns bytes that the caller wipes.
 */
export async function readPassphrase(file: string | undefined, prompt: string): Promise<Uint8Array> {
  if (file === undefined && process.stdin.isTTY) return typed(prompt);
  const buffer = wipeableBytes(SIZE_BYTES_MAX + 1);
  try {
    const size = file === undefined ? readAll(buffer) : await readFile(file, buffer);
    if (size > SIZE_BYTES_MAX) throw new Error(`it has more than ${SIZE_BYTES_MAX} bytes`);
    let end = size;
    if (buffer[end - 1] === 0x0a) end -= 1;
    if (buffer[end - 1] === 0x0d) end -= 1;
    return wipeableCopy(buffer.subarray(0, end));
  } catch (cause) {
    throw new SystemError('not-found', 'NO_PASSPHRASE', `the passphrase cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    buffer.fill(0);
  }
}

/** The same for one that is new: at the terminal it has to be typed twice. */
export async function readNewPassphrase(file: string | undefined, prompt: string): Promise<Uint8Array> {
  const first = await readPassphrase(file, prompt);
  if (file !== undefined || !process.stdin.isTTY) return first;
  const again = await typed('The same again');
  const isSame = Buffer.compare(first, again) === 0;
  again.fill(0);
  if (isSame) return first;
  first.fill(0);
  throw new SystemError('invalid', 'PASSPHRASES_DIFFER', 'the two passphrases differ; nothing was done');
}

async function readFile(file: string, buffer: Uint8Array): Promise<number> {
  await using handle = await open(file, 'r');
  return (await handle.read(buffer, 0, buffer.length, null)).bytesRead;
}

function readAll(buffer: Uint8Array): number {
  let size = 0;
  for (let read = 1; read > 0 && size < buffer.length; size += read)
    read = readSync(STDIN_FD, buffer, size, buffer.length - size, null);
  return size;
}

async function typed(prompt: string): Promise<Uint8Array> {
  const { stdin, stderr } = process;
  const buffer = wipeableBytes(SIZE_BYTES_MAX);
  let size = 0;
  stderr.write(`${prompt}: `);
  stdin.setRawMode(true);
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      for (const byte of chunk) {
        if (byte === CTRL_C) throw new SystemError('invalid', 'INTERRUPTED', 'nothing was done');
        if (LINE_ENDS.includes(byte)) return wipeableCopy(buffer.subarray(0, size));
        if (BACKSPACES.includes(byte)) size = Math.max(0, size - 1);
        else if (size < buffer.length) buffer[size++] = byte;
      }
      chunk.fill(0);
    }
    return wipeableCopy(buffer.subarray(0, size));
  } finally {
    buffer.fill(0);
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}
