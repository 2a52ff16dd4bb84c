import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../host/memory-host.js';
import { allocateFrame, returnUnusedFrame } from '../mm/page-lists.js';
import { verify } from '../mm/verify.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';
import { makeTestKernel } from '../testing/test-kernel.js';
import { GENERIC_READ, GENERIC_WRITE } from './access.js';
import { createFile } from './create-file.js';
import { setEndOfFile } from './file-information.js';
import { FILE_NO_INTERMEDIATE_BUFFERING, FILE_WRITE_THROUGH } from './file-object.js';
import { flushBuffersFile, readFile, writeFile } from './io.js';
import { closeUnusedSegments } from './memory-threads.js';
import { closeHandle } from './object-manager.js';
import type { Process } from './process.js';
import { createProcess } from './process-create.js';
import {
  createSection,
  flushVirtualMemory,
  mapViewOfSection,
  unmapViewOfSection,
} from './section-services.js';
import type { ServiceCall } from './service.js';

const PAGE = 4096;
const MOST = 12 * PAGE;
const BUFFER_BYTES = 0x8000;
const END_OF_FILE = 0xc0000011;
const INVALID_PARAMETER = 0xc000000d;
const USER_MAPPED_FILE = 0xc0000243;
const OPTIONS = [0, 0, 0, FILE_NO_INTERMEDIATE_BUFFERING, FILE_WRITE_THROUGH];

interface User {
  process: Process;
  call: ServiceCall;
  buffer: number;
  handle: number;
  options: number;
  /** The view, 0 for none, and its bytes. */
  view: number;
  size: number;
}

/** Two processes that use one file in every way, beside the bytes that it should have. */
class World {
  readonly kernel;
  readonly host = new MemoryHost({ capacity: 1_000_000 });
  readonly root;
  readonly users: User[] = [];
  expected = Uint8Array.from({ length: 5 * PAGE + 77 }, (_, at) => at * 5);

  /** Bytes of the longest view since there were none: what the file cannot be cut below. */
  longestView = 0;

  constructor(readonly random: Random) {
    this.kernel = makeTestKernel({}, { ram: 0x300000 }).kernel;
    this.root = this.host.addRoot({ 'a.dat': this.expected.slice() });
    this.kernel.fileSystem.mount('C:\\work', this.host, this.root, true);
    for (let index = 0; index < 2; index++) this.users.push(this.makeUser());
  }

  private makeUser(): User {
    const { kernel } = this;
    const creation = { imagePath: null, commandLine: '', environment: [], currentDirectory: 'C:\\work' };
    const process = createProcess(kernel, { ...creation, suspended: false }) as Process;
    const region = { baseAddress: 0, regionSize: BUFFER_BYTES };
    kernel.attachProcess(process);
    allocateVirtualMemory(kernel.mm, process.space, region, 0x3000, 4);
    const call = { kernel, process, memory: kernel.memory } as unknown as ServiceCall;
    const user = { process, call, buffer: region.baseAddress, handle: 0, options: 0, view: 0, size: 0 };
    this.open(user, 0);
    return user;
  }

  open(user: User, options: number): void {
    const out = { handle: 0, information: 0 };
    const access = GENERIC_READ | GENERIC_WRITE;
    const request = { path: '\\??\\C:\\work\\a.dat', access, share: 7, disposition: 1, options };
    expect(createFile(this.kernel, user.process, request, out)).toBe(0);
    user.handle = out.handle;
    user.options = options;
  }

  private place(user: User, limit: number): [offset: number, length: number] {
    const unit = user.options & FILE_NO_INTERMEDIATE_BUFFERING ? 512 : 1;
    const offset = Math.floor(below(this.random, limit) / unit) * unit;
    const length = Math.max(unit, Math.floor((below(this.random, BUFFER_BYTES) + 1) / unit) * unit);
    return [offset, length];
  }

  read(user: User): void {
    const [offset, length] = this.place(user, this.expected.length + PAGE);
    const out = { information: 0 };
    const status = readFile(user.call, user.handle, user.buffer, length, offset, out);
    const expected = this.expected.subarray(offset, offset + length);
    expect([status, out.information]).toEqual([expected.length > 0 ? 0 : END_OF_FILE, expected.length]);
    this.same(this.kernel.memory.readBytes(user.buffer, expected.length), expected);
  }

  private same(found: Uint8Array, expected: Uint8Array): void {
    const at = found.findIndex((byte, index) => byte !== expected[index]);
    if (at >= 0) expect.fail(`byte ${at} is ${found[at]}, not ${expected[at]}`);
  }

  write(user: User): void {
    const [offset, length] = this.place(user, Math.min(this.expected.length + PAGE, MOST));
    const bytes = Uint8Array.from({ length }, () => this.random());
    this.kernel.memory.writeBytes(user.buffer, bytes);
    const out = { information: 0 };
    expect(writeFile(user.call, user.handle, user.buffer, length, offset, out)).toBe(0);
    if (offset + length > this.expected.length) this.resizeTo(offset + length);
    this.expected.set(bytes, offset);
  }

  private resizeTo(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.expected.subarray(0, size));
    this.expected = next;
  }

  resize(user: User): void {
    const size = below(this.random, MOST);
    const refused = Math.ceil(size / PAGE) < Math.ceil(this.longestView / PAGE);
    const status = setEndOfFile(this.kernel, user.process, user.handle, size);
    expect(status).toBe(refused ? USER_MAPPED_FILE : 0);
    if (!refused) this.resizeTo(size);
  }

  toggleView(user: User): void {
    const { kernel } = this;
    if (user.view !== 0) {
      expect(unmapViewOfSection(kernel, user.process, user.view)).toBe(0);
      user.view = 0;
      if (this.users.every(({ view }) => view === 0)) this.longestView = 0;
      return;
    }
    if (this.expected.length === 0) return;
    const out = { handle: 0 };
    const section = { maximumSize: 0, protection: 4, attributes: 0x8000000, fileHandle: user.handle };
    const unnamed = { path: null, access: 6, openIf: true };
    expect(createSection(kernel, user.process, unnamed, section, out)).toBe(0);
    const request = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect: 4 };
    expect(mapViewOfSection(kernel, user.process, out.handle, request)).toBe(0);
    expect(closeHandle(kernel, user.process, out.handle)).toBe(0);
    user.view = request.baseAddress;
    user.size = this.expected.length;
    this.longestView = Math.max(this.longestView, user.size);
  }

  touchView(user: User): void {
    if (user.view === 0) return;
    const at = below(this.random, Math.min(user.size, this.expected.length));
    expect(this.kernel.memory.readU8(user.view + at)).toBe(this.expected[at]);
    if (at >= this.expected.length || this.random() & 1) return;
    const value = this.random() & 0xff;
    this.kernel.memory.writeU8(user.view + at, value);
    this.expected[at] = value;
  }

  flush(user: User): void {
    const { kernel } = this;
    if (user.view === 0 || this.random() & 1)
      expect(flushBuffersFile(kernel, user.process, user.handle)).toBe(0);
    else {
      const request = { baseAddress: user.view, regionSize: 0 };
      expect(flushVirtualMemory(kernel.mm, user.process.space, request, { bytesWritten: 0 })).toBe(0);
    }
  }

  reopen(user: User): void {
    expect(closeHandle(this.kernel, user.process, user.handle)).toBe(0);
    this.open(user, OPTIONS[below(this.random, OPTIONS.length)]!);
  }

  pressure(): void {
    const { mm } = this.kernel;
    const frames: number[] = [];
    for (let left = below(this.random, 700); left > 0; left--) {
      const frame = allocateFrame(mm);
      if (frame < 0) break;
      frames.push(frame);
    }
    for (const frame of frames) returnUnusedFrame(mm, frame);
  }

  step(): void {
    const user = this.users[this.random() & 1]!;
    this.kernel.attachProcess(user.process);
    const kind = below(this.random, 40);
    if (kind < 12) this.read(user);
    else if (kind < 22) this.write(user);
    else if (kind < 30) this.touchView(user);
    else if (kind < 33) this.toggleView(user);
    else if (kind < 35) this.flush(user);
    else if (kind < 37) this.reopen(user);
    else if (kind < 38) this.resize(user);
    else if (kind < 39) this.pressure();
    else closeUnusedSegments(this.kernel);
  }

  end(): void {
    for (const user of this.users) {
      this.kernel.attachProcess(user.process);
      if (user.view !== 0) this.toggleView(user);
      closeHandle(this.kernel, user.process, user.handle);
    }
    this.same(this.host.fileBytes(this.root, ['a.dat']), this.expected);
    expect(this.host.fileBytes(this.root, ['a.dat'])).toHaveLength(this.expected.length);
  }
}

describe('reads, writes and views of one file', () => {
  it('agree after any operations of two processes', () => {
    const random = mulberry32(seedFor('cached I/O'));
    for (let run = 0; run < 6; run++) {
      const world = new World(random);
      for (let step = 0; step < 400; step++) {
        world.step();
        if (step % 8 === 0) verify(world.kernel.mm);
      }
      world.end();
      verify(world.kernel.mm);
    }
  });

  it('past the cache take whole sectors alone', () => {
    const world = new World(mulberry32(1));
    const user = world.users[0]!;
    world.kernel.attachProcess(user.process);
    world.open(user, FILE_NO_INTERMEDIATE_BUFFERING);
    const out = { information: 0 };
    const transfer = (move: typeof readFile, at: number, length: number, offset: number) =>
      move(user.call, user.handle, user.buffer + at, length, offset, out);
    for (const move of [readFile, writeFile as typeof readFile]) {
      expect(transfer(move, 0, 512, 1024)).toBe(0);
      expect(transfer(move, 0, 100, 0)).toBe(INVALID_PARAMETER);
      expect(transfer(move, 0, 512, 100)).toBe(INVALID_PARAMETER);
      expect(transfer(move, 1, 512, 0)).toBe(INVALID_PARAMETER);
    }
    expect(transfer(readFile, 0, 4096, 5 * PAGE)).toBe(0);
    expect(out.information).toBe(77);
  });

  it('begin with what the host has when it changed the file meanwhile', () => {
    const world = new World(mulberry32(2));
    const user = world.users[0]!;
    world.kernel.attachProcess(user.process);
    const out = { information: 0 };
    expect(readFile(user.call, user.handle, user.buffer, 10, 0, out)).toBe(0);
    for (const { process, handle } of world.users) closeHandle(world.kernel, process, handle);
    const file = world.host.open(world.root, ['a.dat'], 'write', 'open');
    world.host.write(file, 0, Uint8Array.of(1, 2, 3));
    world.host.truncate(file, 3);
    world.host.close(file);
    world.open(user, 0);
    expect(readFile(user.call, user.handle, user.buffer, 10, 0, out)).toBe(0);
    expect([...world.kernel.memory.readBytes(user.buffer, out.information)]).toEqual([1, 2, 3]);
  });
});
