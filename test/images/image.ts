/** A golden image: a data directory as an older engine left it (`NAME.tar.gz`), and what is in it (`NAME.json`). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { Suite } from '../../src/crypto/aead.ts';

export interface ImageDisk {
  /** Hex. */
  readonly dataKey: string;
  readonly clean: boolean;
  readonly sizeBytes: number;
  /** SHA-256 of a block in hex, or `zero`, by block number; all others are holes. */
  readonly blocks: Readonly<Record<string, string>>;
  readonly snapshots: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface ImageManifest {
  readonly suite: Suite;
  /** By the name of the directory, which is the disk's id. */
  readonly disks: Readonly<Record<string, ImageDisk>>;
}

/** `v1/aes-256-gcm-snapshot-clone` and the like. */
export function manifestOf(image: string): ImageManifest {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, `${image}.json`), 'utf8')) as ImageManifest;
}

export function unpack(image: string, folder: string): void {
  const archive = path.join(import.meta.dirname, `${image}.tar.gz`);
  const { status, stderr } = spawnSync('tar', ['-xzf', archive, '-C', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar could not unpack ${archive}: ${stderr}`);
}
