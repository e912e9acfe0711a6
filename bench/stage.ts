/** The subjects of some rows, filled, side by side on one file system. */
import { mkdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';

import { GiB } from '../src/base/units.ts';

import type { Profile } from './profile.ts';
import { nbdkitLuks, qemuLuks, qemuRaw, rawFile } from './subjects/peers.ts';
import { sealdisk } from './subjects/sealdisk.ts';
import type { SealdiskSubject } from './subjects/sealdisk.ts';
import type { Subject, SubjectId } from './subjects/subject.ts';
import { runWorkload, SEQUENTIAL_WRITE } from './workloads.ts';

/** What every suite of rows gets. */
export interface Context {
  readonly profile: Profile;
  /** Rows to measure. */
  readonly wanted: ReadonlySet<number>;
  /** An empty folder on the file system that is measured. */
  readonly folder: string;
  readonly random: () => number;
  /** Tells what goes on, for people who wait. */
  readonly say: (text: string) => void;
  readonly nodeFlags: readonly string[];
}

export const randomSeed = ({ random }: Context): number => 1 + Math.floor(random() * 1e9);

/** A log takes more than its live blocks until it is collected. */
const SPACE_PER_BYTE = 1.7;

export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly subjects: readonly Subject[];

  private constructor(folder: string, subjects: readonly Subject[]) {
    this.folder = folder;
    this.subjects = subjects;
  }

  /** Makes the subjects, each with every block written once in order. */
  static async open(context: Context, ids: readonly SubjectId[], sizeBytes: number): Promise<Stage> {
    const folder = path.join(context.folder, 'stage');
    mkdirSync(folder);
    await refuseLackOfSpace(folder, ids.length * sizeBytes * SPACE_PER_BYTE);
    const subjects: Subject[] = [];
    const stage = new Stage(folder, subjects);
    try {
      for (const id of ids) {
        context.say(`making ${id} and writing it once`);
        const subject = await make(id, folder, sizeBytes, context.nodeFlags);
        subjects.push(subject);
        await runWorkload(SEQUENTIAL_WRITE, subject, { seconds: 0, randomSeed: 1 });
      }
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  pick(...ids: readonly SubjectId[]): Subject[] {
    return this.subjects.filter(({ id }) => ids.includes(id));
  }

  /** Our disks. */
  get ours(): SealdiskSubject[] {
    return this.subjects.filter((subject): subject is SealdiskSubject => 'server' in subject);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subject of this.subjects) await subject[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function refuseLackOfSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= neededBytes) return;
  const gib = (bytes: number): string => `${(bytes / GiB).toFixed(0)} GiB`;
  throw new Error(
    `${gib(neededBytes)} are needed in ${folder}, ${gib(bavail * bsize)} are free; choose another --folder or a smaller --size`,
  );
}

function make(id: SubjectId, folder: string, sizeBytes: number, nodeFlags: readonly string[]): Promise<Subject> {
  switch (id) {
    case 'S':
    case 'S4':
    case 'N':
      return sealdisk(id, folder, sizeBytes, nodeFlags);
    case 'P':
      throw new Error('P belongs to the rows of TLS');
    case 'Q':
      return qemuLuks(folder, sizeBytes);
    case 'K':
      return nbdkitLuks(folder, sizeBytes);
    case 'R':
      return qemuRaw(folder, sizeBytes);
    case 'F':
      return rawFile(folder, sizeBytes);
  }
}
