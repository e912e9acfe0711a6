// Which files make up the log, and up to where each of them counts. Format: docs/formats/audit-log.md, "Files".
import path from 'node:path';

import { decodeLine, fieldsOf, LINE_BYTES_MAX } from './chain.ts';
import type { Point } from './events.ts';
import { fileName, fileNumbers } from './file-names.ts';
import type { LogFiles } from './log-files.ts';

export interface ChainFile {
  readonly number: number;
  readonly path: string;
  /** Up to here it counts; undefined when nothing says so. */
  readonly endOffset: number | undefined;
}

export interface ChainFiles {
  /** Oldest first. */
  readonly files: readonly ChainFile[];
  /** Files between others that one names and that are not there. */
  readonly missing: readonly number[];
  /** Files that no other one goes on from. */
  readonly superseded: readonly number[];
}

/** @param macKey headers that are not authentic do not count; without it, all do that can be read. */
export function findChainFiles(files: LogFiles, directory: string, macKey: Uint8Array | undefined): ChainFiles {
  const numbers = fileNumbers(files.list(directory));
  const chain: ChainFile[] = [];
  const missing: number[] = [];
  // A file gets its name when it is complete, so the one with the highest number is the last, whatever it says.
  let number = numbers.at(-1);
  let endOffset: number | undefined;
  while (number !== undefined) {
    const previous: Point | null | undefined = previousOf(files, directory, number, macKey);
    chain.unshift({ number, path: path.join(directory, fileName(number)), endOffset });
    if (previous === null) break;
    // Without a header that can be believed, the file before is the one with the next lower number.
    const before: number | undefined = previous?.file ?? olderThan(numbers, number);
    const isThere: boolean = before !== undefined && numbers.includes(before);
    endOffset = isThere ? previous?.offset : undefined;
    number = isThere || before === undefined ? before : olderThan(numbers, before);
    if (!isThere && before !== undefined && number !== undefined) missing.push(before);
  }
  const used = new Set(chain.map((file) => file.number));
  return { files: chain, missing, superseded: numbers.filter((candidate) => !used.has(candidate)) };
}

function olderThan(numbers: readonly number[], number: number): number | undefined {
  return numbers.findLast((candidate) => candidate < number);
}

/** The first record of a file is some 500 bytes long. */
export const HEADER_BYTES_MAX = 4_096;

/** Where a file comes from; null for the first of a log, undefined when its header cannot be believed. */
function previousOf(
  files: LogFiles,
  directory: string,
  number: number,
  macKey: Uint8Array | undefined,
): Point | null | undefined {
  const bytes = files.read(path.join(directory, fileName(number)), 0, HEADER_BYTES_MAX) ?? new Uint8Array(0);
  const line = decodeLine(bytes.subarray(0, Math.max(0, bytes.indexOf(0x0a))), macKey);
  if (line === undefined || line.isAuthentic === false) return undefined;
  try {
    const fields = fieldsOf(line.content);
    if (fields['kind'] !== 'file' || fields['file'] !== number) return undefined;
    return (fields['previous'] ?? null) as Point | null;
  } catch {
    return undefined;
  }
}

export interface FileLine {
  /** Without its line break. */
  readonly bytes: Uint8Array;
  /** Counts from 1 where reading began. */
  readonly number: number;
  readonly offset: number;
  /** False for what stands behind the last line break. */
  readonly isComplete: boolean;
}

const CHUNK_BYTES = 1024 * 1024;

/** The lines of a file up to `endOffset`, or to its end. Lets other work run between chunks. */
export async function* linesOf(
  files: LogFiles,
  file: string,
  endOffset: number | undefined,
  fromOffset = 0,
): AsyncGenerator<FileLine> {
  let rest: Uint8Array = new Uint8Array(0);
  let restOffset = fromOffset;
  let number = 0;
  for (;;) {
    const from = restOffset + rest.length;
    const wanted = endOffset === undefined ? CHUNK_BYTES : Math.min(CHUNK_BYTES, endOffset - from);
    const chunk = wanted <= 0 ? undefined : files.read(file, from, wanted);
    if (chunk === undefined || chunk.length === 0) break;
    const bytes = Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, begin)) {
      number += 1;
      yield { bytes: bytes.subarray(begin, end), number, offset: restOffset + begin, isComplete: true };
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    restOffset += begin;
    // A line that never ends is none of ours; it is told in pieces so that it cannot fill the memory.
    if (rest.length > LINE_BYTES_MAX) {
      number += 1;
      yield { bytes: rest, number, offset: restOffset, isComplete: false };
      restOffset += rest.length;
      rest = new Uint8Array(0);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (rest.length > 0) yield { bytes: rest, number: number + 1, offset: restOffset, isComplete: false };
}
