/** What a machine of 3 GiB costs: CPU time until it is ready, and bytes of the PFN database a frame. */
import { Machine } from '../src/machine.js';
import { hostFacts } from './host-facts.js';
import { median, printTable } from './table.js';

const ROUNDS = 3;
const RAM = 3 * 2 ** 30;

function start(): { seconds: number; bytesPerFrame: number } {
  const before = process.cpuUsage();
  const machine = new Machine({ ram: RAM });
  machine.createProcess({ empty: true });
  const used = process.cpuUsage(before);
  const { pfn, ram } = machine.kernel.mm;
  const bytes = Object.values(pfn).reduce(
    (sum, field) => sum + (ArrayBuffer.isView(field) ? field.byteLength : 0),
    0,
  );
  return { seconds: (used.user + used.system) / 1e6, bytesPerFrame: bytes / ram.frameCount };
}

const measured = Array.from({ length: ROUNDS }, start);
const seconds = median(measured.map((round) => round.seconds));
console.log(hostFacts());
printTable('A machine of 3 GiB', [
  ['', 'measured', 'limit'],
  ['CPU time to start', `${seconds.toFixed(3)} s`, '1 s'],
  ['PFN database', `${measured[0]!.bytesPerFrame.toFixed(1)} bytes a frame`, '48'],
]);
