import { MemoryDataPlane } from '../support/memory-data-plane.ts';
import { dataPlaneSuite } from './data-plane-suite.ts';

dataPlaneSuite('memory', () => {
  const plane = new MemoryDataPlane();
  return Promise.resolve({
    plane,
    crash: () => Promise.resolve(plane.crash()),
    write: ({ diskId }, value) => Promise.resolve(plane.write(diskId, String(value))),
    read: ({ exportId }) => Promise.resolve(Number(plane.served(exportId))),
    readStream: async ({ transferId }) => plane.transfers.stream(transferId),
    writeStream: async ({ transferId }, offset, bytes) => plane.transfers.receive(transferId, offset, bytes),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
