/** How much of a file the kernel keeps in memory, and putting it there. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';

import { must } from './run.ts';

/** Below this part a subject counts as not cached. */
export const CACHED_PART_MIN = 0.99;

/** A collector may remove files at any time. */
const ATTEMPTS = 5;

/** The part of the files' bytes that is in the page cache, by fincore(1); 1 for no bytes at all. Passes over files that are gone. */
export async function cachedPart(files: readonly string[]): Promise<number> {
  const out = await fincore(files);
  let resident = 0;
  let size = 0;
  for (const line of out.split('\n').filter((text) => text !== '')) {
    const [fileResident = 0, fileSize = 0] = line.trim().split(/\s+/).map(Number);
    // Whole pages are resident, also behind the end of a file.
    resident += Math.min(fileResident, fileSize);
    size += fileSize;
  }
  return size === 0 ? 1 : resident / size;
}

async function fincore(files: readonly string[]): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const present = files.filter((file) => existsSync(file));
    if (present.length === 0) return '';
    try {
      return await must('fincore', ['--bytes', '--noheadings', '--raw', '--output', 'RES,SIZE', ...present]);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Reads what is not in the page cache, so that it is. */
export async function warm(files: readonly string[]): Promise<void> {
  const buffer = Buffer.allocUnsafe(2 ** 20);
  for (const file of files) {
    if ((await cachedPart([file])) === 1) continue;
    let descriptor: number;
    try {
      descriptor = openSync(file, 'r');
    } catch {
      continue;
    }
    try {
      while (readSync(descriptor, buffer) > 0);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Puts the files out of the page cache: what they hold must be durable for that, so it is synced first. */
export async function evict(files: readonly string[]): Promise<void> {
  for (const file of files) {
    await must('sync', [file]);
    await must('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
}
