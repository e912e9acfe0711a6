import { SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { Output } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { dataDirectoryOf } from '../server-location.ts';
import { callSealdisk } from '../signed-call.ts';

interface RotateAnswer {
  readonly DiskId: string;
  readonly KMSKeyId: string;
  readonly EncryptAlgorithm: string;
}

interface ReencryptionAnswer {
  readonly DiskId: string;
  readonly Status: 'None' | 'Committing' | 'Waiting' | 'Running' | 'Paused';
  readonly DoneBytes?: number;
  readonly TotalBytes?: number;
}

export interface RotateOptions {
  readonly dataDir?: string;
  readonly key?: string;
  readonly rate?: string;
  readonly wait: boolean;
}

export interface ReencryptionOptions {
  readonly dataDir?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
  readonly rate?: string;
  readonly wait?: boolean;
}

const POLL_MS = 250;

/** Gives a disk another data key, and shows how everything that it stores is sealed anew. */
export async function rotateDiskKey(diskId: string, options: RotateOptions, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const answer = await callSealdisk<RotateAnswer>(dataDirectory, 'RotateDiskDataKey', {
    DiskId: diskId,
    ...(options.key === undefined ? {} : { KMSKeyId: options.key }),
    ...(options.rate === undefined ? {} : { RateMiB: options.rate }),
  });
  const lines = [`${diskId} has another data key, under KMS key ${answer.KMSKeyId} (${answer.EncryptAlgorithm})`];
  if (options.wait) {
    await toTheEnd(dataDirectory, diskId);
    lines.push('everything that it and its snapshots store is sealed under it');
  }
  output.result(answer, lines);
}

/** The same data key under the newest version of its KMS key. */
export async function rewrapDiskKey(
  diskId: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<void> {
  const answer = await callSealdisk<Pick<RotateAnswer, 'DiskId' | 'KMSKeyId'>>(
    dataDirectoryOf(options),
    'RewrapDiskDataKey',
    { DiskId: diskId },
  );
  output.result(answer, [`the data key of ${diskId} is wrapped by the newest version of KMS key ${answer.KMSKeyId}`]);
}

/** Tells how far a disk is sealed anew, has it rest or go on, or waits for the end. */
export async function diskReencryption(diskId: string, options: ReencryptionOptions, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  if (options.pause === true && options.resume === true)
    throw new SystemError('invalid', 'USAGE', '--pause and --resume exclude each other');
  const paused = options.pause === true ? 'true' : options.resume === true ? 'false' : undefined;
  if (paused !== undefined || options.rate !== undefined)
    await callSealdisk<object>(dataDirectory, 'ModifyDiskReencryption', {
      DiskId: diskId,
      ...(paused === undefined ? {} : { Paused: paused }),
      ...(options.rate === undefined ? {} : { RateMiB: options.rate }),
    });
  const answer = options.wait === true ? await toTheEnd(dataDirectory, diskId) : await ask(dataDirectory, diskId);
  output.result(answer, [inWords(answer)]);
}

function inWords({
  DiskId: diskId,
  Status: status,
  DoneBytes: done = 0,
  TotalBytes: total = 0,
}: ReencryptionAnswer): string {
  const share = total === 0 ? '' : ` (${Math.floor((done / total) * 100)} %)`;
  switch (status) {
    case 'None':
      return `${diskId}: everything is sealed under its data key`;
    case 'Committing':
      return `${diskId}: its data key is being changed`;
    case 'Waiting':
      return `${diskId}: to be sealed anew; it goes on by itself within a minute, or when the disk is exported`;
    case 'Paused':
      return `${diskId}: resting${share}; --resume has it go on`;
    case 'Running':
      return `${diskId}: being sealed anew${share}`;
  }
}

function ask(dataDirectory: string, diskId: string): Promise<ReencryptionAnswer> {
  return callSealdisk<ReencryptionAnswer>(dataDirectory, 'DescribeDiskReencryption', { DiskId: diskId });
}

/** @throws {SystemError} kind `conflict`: it was told to rest. */
async function toTheEnd(dataDirectory: string, diskId: string): Promise<ReencryptionAnswer> {
  let bar: ProgressBar | undefined;
  try {
    for (;;) {
      const answer = await ask(dataDirectory, diskId);
      if (answer.Status === 'None') return answer;
      if (answer.Status === 'Paused') throw new SystemError('conflict', 'REENCRYPTION_PAUSED', inWords(answer));
      if (answer.TotalBytes !== undefined)
        (bar ??= new ProgressBar('sealing', answer.TotalBytes)).show(answer.DoneBytes ?? 0);
      await systemClock.sleep(POLL_MS);
    }
  } finally {
    bar?.[Symbol.dispose]();
  }
}
