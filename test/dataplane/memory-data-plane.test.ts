import { MemoryDataPlane } from '../support/memory-data-plane.ts';
import { dataPlaneSuite } from './data-plane-suite.ts';

dataPlaneSuite('memory', () => {
  const plane = new MemoryDataPlane();
  return Promise.resolve({
    plane,
    crash: () => Promise.resolve(plane.crash()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
