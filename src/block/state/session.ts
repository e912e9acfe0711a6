import { messageOf } from '../../base/errors.ts';
import { ioError } from '../files/io-errors.ts';
import { MARK_NAME } from '../format/file-names.ts';
import { storedInode } from '../format/head-format.ts';
import { Log } from '../log/log.ts';
import type { LogParts } from '../log/log.ts';
import { MarkFile } from '../log/mark-file.ts';
import { SegmentMaker } from '../segments/segment-files.ts';
import { machineDigest } from './disk-state.ts';
import type { DiskState, Session } from './disk-state.ts';

const SESSION_ID_SIZE_BYTES = 16;

/** A maker for segments of a session: a fresh one, or the one that recovery brings to its end. */
export function makerFor(state: DiskState, session: Uint8Array, nextNumber: number): SegmentMaker {
  const { env, keys, store, spares } = state;
  const { diskId } = state.head;
  return new SegmentMaker({ files: env.files, random: env.random, keys, store, spares, diskId, session, nextNumber });
}

/**
 * Starts writing: a first log segment under an epoch that was born in this process, then a head that names it. Until
 * that head is durable nothing is acknowledged.
 */
export async function beginSession(state: DiskState): Promise<Session> {
  const { env, keys, limits } = state;
  const session = env.random.bytes(SESSION_ID_SIZE_BYTES);
  const maker = makerFor(state, session, state.head.nextSegment);
  try {
    const mark = await MarkFile.start(env.files, state.path(MARK_NAME), { keys, session, log: env.log });
    const log = await startLog({ maker, limits, mark, log: env.log, epoch: maker.newEpoch() });
    try {
      const status = await env.files.stat(state.directory);
      const { head, pin } = await state.headFile.write({
        ...state.head,
        clean: false,
        session,
        log: { segment: log.end.segment, id: log.currentId, slot: 0 },
        nextSegment: maker.nextNumber,
        machine: machineDigest(env.machineId),
        directoryInode: storedInode(status?.inode ?? 0),
      });
      state.head = head;
      state.pin = pin;
    } catch (error) {
      await log.close();
      state.store.remove(log.end.segment);
      throw error;
    }
    return { maker, log };
  } catch (error) {
    env.log.error({ diskId: state.head.diskId, reason: messageOf(error) }, 'the disk could not begin to be written');
    throw ioError('beginning to write', error);
  }
}

async function startLog(parts: LogParts): Promise<Log> {
  try {
    return await Log.start(parts);
  } catch (error) {
    await parts.mark.close().catch(() => undefined);
    throw error;
  }
}
