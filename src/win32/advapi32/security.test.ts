import { describe, expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_ALREADY_EXISTS = 183;
const ERROR_UNKNOWN_REVISION = 1305;
const ERROR_INVALID_OWNER = 1307;
const ERROR_INVALID_SID = 1337;
const ERROR_INVALID_SECURITY_DESCR = 1338;
const ERROR_ALLOTTED_SPACE_EXCEEDED = 1344;

const FILE_MAP_WRITE = 2;
const FILE_MAP_READ = 4;
const READ_CONTROL = 0x20000;
const WRITE_DAC = 0x40000;
const MAXIMUM_ALLOWED = 0x2000000;
const PAGE_READWRITE = 4;
const OWNER = 1;
const DACL = 4;
const ALL = 7;

const make = () => new ModuleMachine('advapi32.dll');

/** A descriptor of the process heap from its text. */
function descriptor(machine: ModuleMachine, text: string): number {
  const place = machine.space(8);
  const convert = 'ConvertStringSecurityDescriptorToSecurityDescriptorA';
  expect(machine.attempt(convert, text, 1, place, 0)[0], text).toBe(1);
  return machine.pointer(place);
}

/** SECURITY_ATTRIBUTES with a descriptor. */
function attributes(machine: ModuleMachine, text: string): number {
  const at = machine.space(24);
  machine.putNumber(at, 24);
  machine.putNumber(at + 8, descriptor(machine, text));
  machine.putNumber(at + 16, 0);
  return at;
}

const createSection = (machine: ModuleMachine, name: string, security: number) =>
  machine.attempt('CreateFileMappingA', -1, security, PAGE_READWRITE, 0, 4096, name);

const openSection = (machine: ModuleMachine, name: string, access: number) =>
  machine.attempt('OpenFileMappingA', access, 0, name);

/** The text of an object's security. */
function securityText(machine: ModuleMachine, handle: number, information: number): string {
  const [buffer, needed, place] = [machine.space(512), machine.space(4), machine.space(8)];
  expect(machine.attempt('GetKernelObjectSecurity', handle, information, buffer, 512, needed)).toEqual([
    1, 0xdead,
  ]);
  const convert = 'ConvertSecurityDescriptorToStringSecurityDescriptorA';
  expect(machine.call(convert, buffer, 1, information, place, 0)).toBe(1);
  return machine.text(machine.pointer(place));
}

describe('a section with a security descriptor', () => {
  it('gives its creator what was asked for, and those who open it what the list allows', () => {
    const machine = make();
    const [handle, error] = createSection(machine, 'limited', attributes(machine, 'D:(A;;LC;;;WD)'));
    expect([handle === 0, error]).toEqual([false, 0]);
    expect(machine.call('MapViewOfFile', handle, FILE_MAP_WRITE, 0, 0, 0)).not.toBe(0);
    expect(openSection(machine, 'limited', FILE_MAP_READ)[0]).not.toBe(0);
    expect(openSection(machine, 'limited', FILE_MAP_WRITE)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(createSection(machine, 'limited', 0)).toEqual([0, ERROR_ACCESS_DENIED]);
  });

  it('opens for nothing but its list when that is empty, and its owner changes the list', () => {
    const machine = make();
    const [handle] = createSection(
      machine,
      'closed',
      attributes(machine, 'O:S-1-5-21-1000000001-1000000002-1000000003-1001D:'),
    );
    expect(openSection(machine, 'closed', FILE_MAP_READ)).toEqual([0, ERROR_ACCESS_DENIED]);
    const [keeper] = openSection(machine, 'closed', READ_CONTROL | WRITE_DAC);
    expect(keeper).not.toBe(0);
    expect(securityText(machine, keeper, DACL)).toBe('D:');
    const open = descriptor(machine, 'D:(A;;GA;;;AU)');
    expect(machine.attempt('SetKernelObjectSecurity', keeper, DACL, open)[0]).toBe(1);
    expect(openSection(machine, 'closed', FILE_MAP_READ | FILE_MAP_WRITE)[0]).not.toBe(0);
    expect(createSection(machine, 'closed', 0)[1]).toBe(ERROR_ALREADY_EXISTS);
    expect(machine.attempt('SetKernelObjectSecurity', handle, DACL, open)[0]).toBe(1);
  });

  it('opens with all that is allowed for MAXIMUM_ALLOWED', () => {
    const machine = make();
    createSection(machine, 'most', attributes(machine, 'D:(A;;LC;;;WD)'));
    const [handle] = openSection(machine, 'most', MAXIMUM_ALLOWED);
    expect(machine.call('MapViewOfFile', handle, FILE_MAP_READ, 0, 0, 0)).not.toBe(0);
    expect(machine.attempt('MapViewOfFile', handle, FILE_MAP_WRITE, 0, 0, 0)).toEqual([
      0,
      ERROR_ACCESS_DENIED,
    ]);
  });

  it('is not made with a descriptor that contradicts itself', () => {
    const machine = make();
    const security = attributes(machine, 'D:(A;;GA;;;WD)');
    const bytes = machine.pointer(security + 8);
    machine.process.write(bytes, Uint8Array.of(2));
    expect(createSection(machine, 'wrong', security)).toEqual([0, ERROR_INVALID_SECURITY_DESCR]);
    expect(openSection(machine, 'wrong', FILE_MAP_READ)[0]).toBe(0);
  });
});

describe('the security of other objects', () => {
  it('is that of the user when nobody said anything', () => {
    const machine = make();
    const event = machine.call('CreateEventA', 0, 1, 0, 0);
    const text = securityText(machine, event, ALL);
    expect(text).toMatch(/^O:S-1-5-21-.*-1001G:S-1-5-21-.*-513D:\(A;;GA;;;S-1-5-21-.*\(A;;GA;;;SY\)/);
  });

  it('takes rights to a process away from those who open it later', () => {
    const machine = make();
    const id = machine.call('GetCurrentProcessId');
    const PROCESS_VM_READ = 0x10;
    expect(machine.attempt('OpenProcess', PROCESS_VM_READ, 0, id)[0]).not.toBe(0);
    const closed = descriptor(machine, 'D:(D;;GA;;;WD)');
    expect(machine.attempt('SetKernelObjectSecurity', -1, DACL, closed)[0]).toBe(1);
    expect(machine.attempt('OpenProcess', PROCESS_VM_READ, 0, id)).toEqual([0, ERROR_ACCESS_DENIED]);
  });

  it('needs the right to read or to change it', () => {
    const machine = make();
    const event = machine.call('CreateEventA', 0, 1, 0, 'e');
    const EVENT_MODIFY_STATE = 2;
    const weak = machine.call('OpenEventA', EVENT_MODIFY_STATE, 0, 'e');
    const [buffer, needed] = [machine.space(64), machine.space(4)];
    expect(machine.attempt('GetKernelObjectSecurity', weak, DACL, buffer, 64, needed)).toEqual([
      0,
      ERROR_ACCESS_DENIED,
    ]);
    expect(machine.attempt('GetKernelObjectSecurity', event, DACL, buffer, 8, needed)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.u32(needed)).toBeGreaterThan(20);
    const foreign = descriptor(machine, 'O:SY');
    expect(machine.attempt('SetKernelObjectSecurity', event, OWNER, foreign)).toEqual([
      0,
      ERROR_INVALID_OWNER,
    ]);
  });
});

describe('descriptors, lists and SIDs of a program', () => {
  it('are put together by hand', () => {
    const machine = make();
    const [sidPlace, authority] = [machine.space(8), machine.put(Uint8Array.of(0, 0, 0, 0, 0, 1))];
    expect(machine.call('AllocateAndInitializeSid', authority, 1, 0, 0, 0, 0, 0, 0, 0, 0, sidPlace)).toBe(1);
    const everyone = machine.pointer(sidPlace);
    expect(machine.call('IsValidSid', everyone)).toBe(1);
    expect(machine.call('GetLengthSid', everyone)).toBe(12);
    const [acl, absolute] = [machine.space(64), machine.space(64)];
    expect(machine.call('InitializeAcl', acl, 64, 2)).toBe(1);
    expect(machine.call('AddAccessDeniedAce', acl, 2, FILE_MAP_WRITE, everyone)).toBe(1);
    expect(machine.call('AddAccessAllowedAceEx', acl, 2, 0, FILE_MAP_READ, everyone)).toBe(1);
    expect(machine.attempt('AddAccessAllowedAce', acl, 2, 1, everyone)).toEqual([
      0,
      ERROR_ALLOTTED_SPACE_EXCEEDED,
    ]);
    expect(machine.call('InitializeSecurityDescriptor', absolute, 1)).toBe(1);
    expect(machine.call('SetSecurityDescriptorDacl', absolute, 1, acl, 0)).toBe(1);
    expect(machine.call('IsValidSecurityDescriptor', absolute)).toBe(1);
    const security = machine.space(24);
    machine.putNumber(security + 8, absolute);
    createSection(machine, 'by hand', security);
    expect(openSection(machine, 'by hand', FILE_MAP_WRITE)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(openSection(machine, 'by hand', FILE_MAP_READ)[0]).not.toBe(0);
    const [information, ace] = [machine.space(12), machine.space(8)];
    expect(machine.call('GetAclInformation', acl, information, 12, 2)).toBe(1);
    expect([machine.u32(information), machine.u32(information + 4)]).toEqual([2, 48]);
    expect(machine.call('GetAce', acl, 1, ace)).toBe(1);
    expect(machine.u32(machine.pointer(ace) + 4)).toBe(FILE_MAP_READ);
    expect(machine.call('DeleteAce', acl, 0)).toBe(1);
    expect(machine.call('GetAce', acl, 0, ace)).toBe(1);
    expect(machine.u32(machine.pointer(ace) + 4)).toBe(FILE_MAP_READ);
    expect(machine.attempt('GetAce', acl, 1, ace)).toEqual([0, ERROR_INVALID_PARAMETER]);
    machine.call('FreeSid', everyone);
  });

  it('change their form', () => {
    const machine = make();
    const relative = descriptor(machine, 'O:BAG:SYD:(A;;GA;;;WD)');
    const sizes = Array.from({ length: 5 }, () => machine.space(4));
    const room = Array.from({ length: 5 }, () => machine.space(64));
    const absolute = () =>
      machine.attempt('MakeAbsoluteSD', relative, ...room.flatMap((at, index) => [at, sizes[index]!]));
    for (const size of sizes) machine.fill(size, 4);
    expect(absolute()).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(sizes.map((size) => machine.u32(size))).toEqual([40, 28, 0, 16, 12]);
    expect(absolute()[0]).toBe(1);
    const [back, length, place] = [machine.space(128), machine.space(4), machine.space(8)];
    machine.process.write(length, Uint8Array.of(128));
    expect(machine.attempt('MakeSelfRelativeSD', room[0]!, back, length)[0]).toBe(1);
    const convert = 'ConvertSecurityDescriptorToStringSecurityDescriptorA';
    expect(machine.call(convert, back, 1, ALL, place, 0)).toBe(1);
    expect(machine.text(machine.pointer(place))).toBe('O:BAG:SYD:(A;;GA;;;WD)');
  });

  it('are refused when they are none', () => {
    const machine = make();
    const place = machine.space(8);
    expect(machine.attempt('ConvertStringSidToSidA', 'S-1-x', place)).toEqual([0, ERROR_INVALID_SID]);
    expect(machine.attempt('InitializeSecurityDescriptor', place, 2)).toEqual([0, ERROR_UNKNOWN_REVISION]);
    const convert = 'ConvertStringSecurityDescriptorToSecurityDescriptorA';
    expect(machine.attempt(convert, 'D:(A)', 1, place, 0)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt(convert, 'D:', 2, place, 0)).toEqual([0, ERROR_UNKNOWN_REVISION]);
  });
});

describe('a token', () => {
  it('tells its user and groups', () => {
    const machine = make();
    const [place, needed, buffer] = [machine.space(8), machine.space(4), machine.space(512)];
    expect(machine.call('OpenProcessToken', -1, 8, place)).toBe(1);
    const token = machine.pointer(place);
    expect(machine.attempt('GetTokenInformation', token, 1, 0, 0, needed)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.call('GetTokenInformation', token, 1, buffer, 512, needed)).toBe(1);
    expect(machine.call('ConvertSidToStringSidA', machine.pointer(buffer), place)).toBe(1);
    expect(machine.text(machine.pointer(place))).toMatch(/^S-1-5-21-\d+-\d+-\d+-1001$/);
    expect(machine.call('GetTokenInformation', token, 2, buffer, 512, needed)).toBe(1);
    expect(machine.u32(buffer)).toBe(6);
    const [sid, size, member] = [machine.space(68), machine.space(4), machine.space(4)];
    const isMember = (type: number) => {
      machine.process.write(size, Uint8Array.of(68));
      expect(machine.call('CreateWellKnownSid', type, 0, sid, size)).toBe(1);
      expect(machine.call('CheckTokenMembership', 0, sid, member)).toBe(1);
      return machine.u32(member);
    };
    const [users, administrators] = [27, 26];
    expect([isMember(users), isMember(administrators)]).toEqual([1, 0]);
  });
});
