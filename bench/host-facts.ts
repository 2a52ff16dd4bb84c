/** What the figures were measured on. */
import { cpus, release, totalmem, type } from 'node:os';

export function hostFacts(): string {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = processors[0]?.model ?? 'unknown processor';
  return `${model}, ${processors.length} processors, ${memory}; ${type()} ${release()}; Node ${process.version}`;
}
