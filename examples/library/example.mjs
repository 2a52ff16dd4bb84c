import { Machine } from 'ntmm';

const machine = new Machine({ ram: 16 * 2 ** 20 });
machine.on(({ kind, address }) => kind === 'fault' && console.log(`page fault at 0x${address.toString(16)}`));
const process = machine.createProcess({ empty: true });
const address = process.allocate(64 * 1024);
process.write(address, new TextEncoder().encode('Hello, page.'));
console.log(new TextDecoder().decode(process.read(address, 12)));
console.log(`${machine.report().faults.demandZero} of 16 pages has memory`);
machine.verify();
machine.close();
