import { expect, it } from 'vitest';
import { verify } from '../src/mm/verify.js';
import { effort, processorMilliseconds } from '../src/testing/hostile-effort.js';
import { HostileGuest } from '../src/testing/hostile-guest.js';
import { mulberry32, seedFor, shuffled } from '../src/testing/seed.js';

/** Calls of each function; NTMM_FUZZ=2000 makes it 10,000. */
const CALLS_OF_EACH = effort(5);
/** Calls before a process is renewed, and processes between two looks at the whole memory manager. */
const BATCH = 200;
const VERIFY_EVERY = 100;
/** Most instructions and host time of one call. */
const BUDGET = 20_000;
const LONGEST_MS = 2000;
const DEPTH = 0x2000;

it('every exported function comes back, raises, waits or ends the program, whatever it is called with', {
  timeout: 36_000_000,
}, () => {
  const random = mulberry32(seedFor('hostile exports'));
  const guest = new HostileGuest();
  const { services } = guest.kernel;
  let processes = 0;
  let left = 0;
  let rsp = 0;
  for (let round = 0; round < CALLS_OF_EACH; round++) {
    for (const service of shuffled(random, services.length)) {
      if (left-- === 0 || !guest.spins) {
        guest.renew();
        guest.fillMemory(random);
        rsp = guest.stackTop - DEPTH;
        left = BATCH;
        if (++processes % VERIFY_EVERY === 0) verify(guest.kernel.mm);
      }
      const name = `${services[service]!.module}!${services[service]!.name}, round ${round}`;
      const started = processorMilliseconds();
      try {
        if (!guest.callWithStack(random, service, rsp, BUDGET)) left = 0;
      } catch (error) {
        throw new Error(name, { cause: error });
      }
      const taken = processorMilliseconds() - started;
      if (taken >= LONGEST_MS) expect.fail(`${name} took ${taken} ms`);
    }
  }
  guest.endAll();
  verify(guest.kernel.mm);
  expect(guest.kernel.processes.size).toBe(0);
  expect(guest.kernel.fileSystem.openFiles.size).toBe(0);
});
