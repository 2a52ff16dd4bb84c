/** winmm.dll: the multimedia timer's period and time. Sources: Microsoft, "timeBeginPeriod function", "timeGetTime function". */
import { restartable, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';

const TIMERR_NOERROR = 0;
const TIMERR_NOCANDO = 97;
/** Periods in milliseconds that the timer can have. */
const SHORTEST_PERIOD = 1;
const LONGEST_PERIOD = 1_000_000;

/** MMRESULT timeBeginPeriod(milliseconds), timeEndPeriod: the virtual clock is exact with any period. */
const period: ServiceFunction = (call) => {
  const milliseconds = call.u32(0);
  return milliseconds < SHORTEST_PERIOD || milliseconds > LONGEST_PERIOD ? TIMERR_NOCANDO : TIMERR_NOERROR;
};

export const winmm: SystemModule = {
  name: 'winmm.dll',
  functions: restartable({
    timeBeginPeriod: period,
    timeEndPeriod: period,
    timeGetTime: ({ kernel }) => Math.floor(kernel.clock.now100ns / 10_000) >>> 0,
  }),
  dependencies: ['kernel32.dll'],
  description: 'MCI API DLL',
  version: '10.0.19045.1',
};
