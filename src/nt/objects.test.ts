import { describe, expect, it } from 'vitest';
import { bytes32, makeTestKernel, systemCall } from '../testing/test-kernel.js';
import { EVENT_ALL_ACCESS, EVENT_MODIFY_STATE, SYNCHRONIZE } from './access.js';
import type { DispatcherObject } from './object.js';
import { baseNamedObjectPath } from './object-directory.js';
import {
  closeHandle,
  DUPLICATE_CLOSE_SOURCE,
  deleteUnreferenced,
  duplicateObject,
  openNamedObject,
  referenceByHandle,
  setHandleFlags,
} from './object-manager.js';
import type { Process } from './process.js';
import { createProcess } from './process-create.js';
import { createSection } from './section-services.js';
import {
  createEvent,
  createMutant,
  createSemaphore,
  releaseSemaphoreHandle,
  setEvent,
  waitForObjects,
} from './sync.js';
import { THREAD_RUNNING, type Thread } from './thread.js';

function makeProcess() {
  const test = makeTestKernel();
  const process = createProcess(test.kernel, {
    imagePath: null,
    commandLine: '',
    environment: [],
    currentDirectory: 'C:\\',
    suspended: false,
  }) as Process;
  return { kernel: test.kernel, process, out: { handle: 0 } };
}

const named = (name: string, openIf = true) => ({
  path: baseNamedObjectPath(name),
  access: EVENT_ALL_ACCESS,
  openIf,
});

describe('named objects', () => {
  it('are opened again by name, and gone with their last handle', () => {
    const { kernel, process, out } = makeProcess();
    const before = kernel.objectDirectory.count;
    expect(createEvent(kernel, process, named('One'), true, true, out)).toBe(0);
    const first = out.handle;
    expect(createEvent(kernel, process, named('One'), true, false, out)).toBe(0x40000000);
    const second = out.handle;
    expect(referenceByHandle(kernel, process, first, 'event', 0)).toBe(
      referenceByHandle(kernel, process, second, 'event', 0),
    );
    expect(closeHandle(kernel, process, first)).toBe(0);
    expect(openNamedObject(kernel, process, baseNamedObjectPath('One'), 'event', SYNCHRONIZE, 0, out)).toBe(
      0,
    );
    closeHandle(kernel, process, out.handle);
    closeHandle(kernel, process, second);
    expect(openNamedObject(kernel, process, baseNamedObjectPath('One'), 'event', 0, 0, out)).toBe(0xc0000034);
    expect(kernel.objectDirectory.count).toBe(before);
  });

  it('collide unless they may be opened, and do not change their kind', () => {
    const { kernel, process, out } = makeProcess();
    createEvent(kernel, process, named('One'), true, false, out);
    expect(createEvent(kernel, process, named('One', false), true, false, out)).toBe(0xc0000035);
    expect(createMutant(kernel, process, named('One'), false, out)).toBe(0xc0000024);
    const section = { maximumSize: 4096, protection: 4, attributes: 0x8000000, fileHandle: 0 };
    expect(createSection(kernel, process, named('One'), section, out)).toBe(0xc0000024);
    expect(openNamedObject(kernel, process, baseNamedObjectPath('One'), 'section', 0, 0, out)).toBe(
      0xc0000024,
    );
  });

  it('tell Global and Local apart, compare with case, and have no other folders', () => {
    const { kernel, process, out } = makeProcess();
    createEvent(kernel, process, named('One'), true, false, out);
    expect(createEvent(kernel, process, named('Local\\One'), true, false, out)).toBe(0x40000000);
    expect(createEvent(kernel, process, named('Global\\One'), true, false, out)).toBe(0);
    expect(createEvent(kernel, process, named('one'), true, false, out)).toBe(0);
    expect(createEvent(kernel, process, named('No\\Such'), true, false, out)).toBe(0xc000003a);
    expect(createEvent(kernel, process, named(''), true, false, out)).toBe(0xc0000033);
    expect(createEvent(kernel, process, named('x'.repeat(300)), true, false, out)).toBe(0xc0000033);
  });
});

describe('handles', () => {
  it('grant the rights that were asked for and no more', () => {
    const { kernel, process, out } = makeProcess();
    createEvent(kernel, process, { path: null, access: SYNCHRONIZE, openIf: true }, true, false, out);
    expect(setEvent(kernel, process, out.handle)).toBe(0xc0000022);
    expect(setEvent(kernel, process, 0x4444)).toBe(0xc0000008);
    expect(setEvent(kernel, process, -1)).toBe(0xc0000024);
    expect(duplicateObject(kernel, process, out.handle, process, EVENT_MODIFY_STATE, 0, 0, out)).toBe(0);
    expect(setEvent(kernel, process, out.handle)).toBe(0);
  });

  it('protected from closing stay open', () => {
    const { kernel, process, out } = makeProcess();
    createEvent(kernel, process, { path: null, access: EVENT_ALL_ACCESS, openIf: true }, true, false, out);
    const { handle } = out;
    expect(setHandleFlags(process, handle, 2, 2)).toBe(0);
    expect(closeHandle(kernel, process, handle)).toBe(0xc0000235);
    setHandleFlags(process, handle, 2, 0);
    expect(duplicateObject(kernel, process, handle, process, 0, 0, DUPLICATE_CLOSE_SOURCE, out)).toBe(0);
    expect(closeHandle(kernel, process, handle)).toBe(0xc0000008);
    expect(closeHandle(kernel, process, out.handle)).toBe(0);
  });

  it('give back the pool that their objects were charged for', () => {
    const { kernel, process, out } = makeProcess();
    const charged = () =>
      JSON.stringify([...kernel.mm.nonpagedPool.tags.entries()].map(([tag, use]) => [tag, use.charged]));
    createEvent(kernel, process, named('Warm'), true, false, out);
    closeHandle(kernel, process, out.handle);
    const before = charged();
    createEvent(kernel, process, named('One'), true, false, out);
    expect(charged()).not.toBe(before);
    closeHandle(kernel, process, out.handle);
    expect(charged()).toBe(before);
  });

  it('give it back when a wait had kept them', () => {
    const { kernel, process, out } = makeProcess();
    const charged = () => kernel.mm.nonpagedPool.tags.get('Even')?.charged;
    const before = charged();
    createEvent(kernel, process, named('Kept'), true, false, out);
    const event = referenceByHandle(kernel, process, out.handle, 'event', 0) as DispatcherObject;
    const kernelStack = { resident: true, wanted: false, waitingSince: -1 };
    const thread = { state: THREAD_RUNNING, priority: 8, suspendCount: 0, kernelStack } as unknown as Thread;
    kernel.scheduler.wait(thread, { kind: 'objects', objects: [event], all: false, deadline: null });
    closeHandle(kernel, process, out.handle);
    expect(charged()).not.toBe(before);
    kernel.scheduler.endWait(thread, 0);
    deleteUnreferenced(kernel);
    expect(charged()).toBe(before);
  });
});

describe('waits', () => {
  it('end when the object is signalled by another thread, in time or not', () => {
    const log: string[] = [];
    const out = { handle: 0 };
    const test = makeTestKernel({
      Wait: (call) => {
        const status = waitForObjects(call, [4], false, call.u32(0));
        if (typeof status === 'number') log.push(`${call.process.id - 100} ${status}`);
        return status;
      },
      Set: (call) => {
        log.push('set');
        return setEvent(call.kernel, call.process, 4);
      },
    });
    const open = (process: Process, name: string) => {
      for (const handle of [4, 8, 12]) closeHandle(test.kernel, process, handle);
      for (let index = 0; index < 3; index++)
        createEvent(test.kernel, process, named(name), false, false, out);
    };
    const waits = [0xb9, ...bytes32(1000), ...systemCall(test.service('Wait')), 0xc3];
    open(test.start(waits, 'a.exe'), 'One');
    open(test.start(waits, 'b.exe'), 'Other');
    open(test.start([...systemCall(test.service('Set')), 0xc3], 'c.exe'), 'One');
    expect(test.run()).toBe('exited');
    expect(log).toEqual(['set', '0 0', '8 258']);
  });

  it('count a semaphore down and up to its limit', () => {
    const { kernel, process, out } = makeProcess();
    const before = { previousCount: 0 };
    const unnamed = { path: null, access: 0x1f0003, openIf: true };
    expect(createSemaphore(kernel, process, unnamed, 3, 2, out)).toBe(0xc000000d);
    expect(createSemaphore(kernel, process, unnamed, 1, 2, out)).toBe(0);
    expect(releaseSemaphoreHandle(kernel, process, out.handle, 1, before)).toBe(0);
    expect(before.previousCount).toBe(1);
    expect(releaseSemaphoreHandle(kernel, process, out.handle, 1, before)).toBe(0xc0000047);
  });
});
