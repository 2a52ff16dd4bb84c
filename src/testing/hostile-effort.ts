/** How much a hostile test does: NTMM_FUZZ=factor multiplies it (1 when not given). */
export function effort(times: number): number {
  const factor = Number(globalThis.process?.env.NTMM_FUZZ ?? 1);
  return Math.max(1, Math.round(times * (factor > 0 ? factor : 1)));
}

/** Milliseconds of this process's own processor time, which other work on the host does not stretch. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
