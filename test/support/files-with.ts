import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Paths of all files below a directory that contain `needle` somewhere. */
export function filesWith(directory: string, needle: Uint8Array): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(needle));
}
