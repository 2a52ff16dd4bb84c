import { beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_NO_TOKEN = 1008;
const ERROR_INVALID_OWNER = 1307;
const ERROR_INVALID_PRIMARY_GROUP = 1308;
const ERROR_NO_IMPERSONATION_TOKEN = 1309;
const ERROR_BAD_IMPERSONATION_LEVEL = 1346;
const ERROR_CANT_OPEN_ANONYMOUS = 1347;
const ERROR_BAD_TOKEN_TYPE = 1349;
const ERROR_GENERIC_NOT_MAPPED = 1360;
const ERROR_INVALID_SECURITY_DESCR = 1338;

const TOKEN_ALL_ACCESS = 0xf01ff;
const TOKEN_QUERY = 8;
const [CURRENT_PROCESS, CURRENT_THREAD] = [-1, -2];
const [ANONYMOUS, IDENTIFICATION, IMPERSONATION] = [0, 1, 2];
const [PRIMARY, IMPERSONATION_TOKEN] = [1, 2];
const MAXIMUM_ALLOWED = 0x2000000;

class TokenMachine extends ModuleMachine {
  constructor() {
    super('advapi32.dll');
  }

  /** What a function puts where its last argument points, as a handle. */
  handle(name: string, ...args: Parameters<TokenMachine['call']>[1][]): number {
    const place = this.space(8);
    expect(this.attempt(name, ...args, place), name).toEqual([1, 0xdead]);
    return this.pointer(place);
  }

  open(access = TOKEN_ALL_ACCESS): number {
    return this.handle('OpenProcessToken', CURRENT_PROCESS, access);
  }

  number(token: number, kind: number): number {
    const [at, needed] = [this.space(4), this.space(4)];
    expect(this.call('GetTokenInformation', token, kind, at, 4, needed)).toBe(1);
    return this.u32(at);
  }

  threadToken(): [number, number] {
    return this.attempt('OpenThreadToken', CURRENT_THREAD, TOKEN_QUERY, 1, this.space(8));
  }

  descriptor(text: string): number {
    const place = this.space(8);
    const convert = 'ConvertStringSecurityDescriptorToSecurityDescriptorA';
    expect(this.call(convert, text, 1, place, 0)).toBe(1);
    return this.pointer(place);
  }

  /** AccessCheck's result: whether it succeeded or the last error, the granted access, and whether that is enough. */
  check(descriptor: number, token: number, access: number): [number, number, number] | number {
    const [mapping, set, size, granted, status] = [16, 64, 4, 4, 4].map((bytes) => this.space(bytes)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const rights = new Uint8Array(Uint32Array.of(0x20001, 0x20002, 0x20004, 0xf0007).buffer);
    this.process.write(mapping, rights);
    this.process.write(size, Uint8Array.of(64, 0, 0, 0));
    const [result, error] = this.attempt(
      'AccessCheck',
      descriptor,
      token,
      access,
      mapping,
      set,
      size,
      granted,
      status,
    );
    return result === 0 ? error : [this.u32(granted), this.u32(status), error];
  }
}

describe('a thread', () => {
  let machine: TokenMachine;
  beforeAll(() => {
    machine = new TokenMachine();
  });

  it('impersonates its own user and reverts', () => {
    expect(machine.threadToken()).toEqual([0, ERROR_NO_TOKEN]);
    expect(machine.attempt('ImpersonateSelf', IMPERSONATION)).toEqual([1, 0xdead]);
    const token = machine.handle('OpenThreadToken', CURRENT_THREAD, TOKEN_QUERY, 1);
    expect(machine.number(token, 8)).toBe(IMPERSONATION_TOKEN);
    expect(machine.number(token, 9)).toBe(IMPERSONATION);
    expect(machine.call('RevertToSelf')).toBe(1);
    expect(machine.threadToken()).toEqual([0, ERROR_NO_TOKEN]);
    expect(machine.number(token, 9)).toBe(IMPERSONATION);
  });

  it('cannot open the token of an anonymous user', () => {
    expect(machine.call('ImpersonateSelf', ANONYMOUS)).toBe(1);
    expect(machine.threadToken()).toEqual([0, ERROR_CANT_OPEN_ANONYMOUS]);
    expect(machine.attempt('ImpersonateSelf', 7)).toEqual([0, ERROR_BAD_IMPERSONATION_LEVEL]);
    machine.call('RevertToSelf');
  });

  it('is judged by the token that it impersonates', () => {
    const copy = machine.handle('DuplicateTokenEx', machine.open(), 0, 0, IMPERSONATION, IMPERSONATION_TOKEN);
    const everyone = machine.process.object.token.sids.filter((sid) => sid === 'S-1-1-0');
    const entry = machine.process.object.handles.lookup(copy)!.object as unknown as { sids: string[] };
    entry.sids = everyone;
    const attributes = machine.space(24);
    machine.putNumber(attributes, 24);
    machine.putNumber(attributes + 8, machine.descriptor('D:(A;;GA;;;BU)'));
    machine.putNumber(attributes + 16, 0);
    expect(machine.call('CreateEventA', attributes, 0, 0, 'users')).not.toBe(0);
    const openEvent = () => machine.attempt('OpenEventA', 2, 0, 'users');
    expect(openEvent()[0]).not.toBe(0);
    expect(machine.attempt('SetThreadToken', 0, copy)).toEqual([1, 0xdead]);
    expect(openEvent()).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.call('SetThreadToken', 0, 0)).toBe(1);
    expect(openEvent()[0]).not.toBe(0);
    expect(machine.attempt('SetThreadToken', 0, machine.open())).toEqual([0, ERROR_BAD_TOKEN_TYPE]);
  });

  it('impersonates the user of a primary token', () => {
    expect(machine.attempt('ImpersonateLoggedOnUser', machine.open(TOKEN_QUERY))).toEqual([
      0,
      ERROR_ACCESS_DENIED,
    ]);
    expect(machine.call('ImpersonateLoggedOnUser', machine.open())).toBe(1);
    expect(machine.threadToken()[0]).toBe(1);
    machine.call('RevertToSelf');
  });
});

describe('a token', () => {
  let machine: TokenMachine;
  beforeAll(() => {
    machine = new TokenMachine();
  });

  it('is copied to what it may become', () => {
    const token = machine.open();
    const weak = machine.handle('DuplicateToken', token, IDENTIFICATION);
    expect(machine.number(weak, 9)).toBe(IDENTIFICATION);
    const copy = (level: number, type: number) =>
      machine.attempt('DuplicateTokenEx', weak, 0, 0, level, type, machine.space(8));
    expect(copy(IMPERSONATION, IMPERSONATION_TOKEN)).toEqual([0, ERROR_ACCESS_DENIED]);
    const held = machine.handle(
      'DuplicateTokenEx',
      token,
      TOKEN_ALL_ACCESS,
      0,
      IDENTIFICATION,
      IMPERSONATION_TOKEN,
    );
    const again = (level: number, type: number) =>
      machine.attempt('DuplicateTokenEx', held, 0, 0, level, type, machine.space(8));
    expect(again(IMPERSONATION, IMPERSONATION_TOKEN)).toEqual([0, ERROR_BAD_IMPERSONATION_LEVEL]);
    expect(again(IDENTIFICATION, PRIMARY)).toEqual([0, ERROR_BAD_IMPERSONATION_LEVEL]);
    expect(again(IDENTIFICATION, 3)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(again(IDENTIFICATION, IMPERSONATION_TOKEN)[0]).toBe(1);
  });

  it('has an id of its own and statistics', () => {
    const statistics = [machine.open(), machine.handle('DuplicateToken', machine.open(), IMPERSONATION)].map(
      (token) => {
        const [at, needed] = [machine.space(0x38), machine.space(4)];
        expect(machine.call('GetTokenInformation', token, 10, at, 0x38, needed)).toBe(1);
        return { id: machine.u32(at), type: machine.u32(at + 0x18), privileges: machine.u32(at + 0x2c) };
      },
    );
    expect(statistics[0]!.id).not.toBe(statistics[1]!.id);
    expect(statistics).toMatchObject([
      { type: PRIMARY, privileges: 5 },
      { type: IMPERSONATION_TOKEN, privileges: 5 },
    ]);
  });

  it('decides about access to what the system knows nothing of', () => {
    const client = machine.handle('DuplicateToken', machine.open(), IDENTIFICATION);
    const descriptor = machine.descriptor('O:SYG:SYD:(D;;0x2;;;IU)(A;;GR;;;BU)(A;;0x6;;;WD)');
    expect(machine.check(descriptor, client, 0x1)).toEqual([1, 1, 0xdead]);
    expect(machine.check(descriptor, client, 0x2)).toEqual([0, 0, ERROR_ACCESS_DENIED]);
    expect(machine.check(descriptor, client, MAXIMUM_ALLOWED)).toEqual([0x20005, 1, 0xdead]);
    expect(machine.check(descriptor, client, 0x80000000)).toBe(ERROR_GENERIC_NOT_MAPPED);
    expect(machine.check(descriptor, machine.open(), 0x1)).toBe(ERROR_NO_IMPERSONATION_TOKEN);
    expect(machine.check(machine.descriptor('D:(A;;GA;;;WD)'), client, 0x1)).toBe(
      ERROR_INVALID_SECURITY_DESCR,
    );
  });

  it('gives new objects its owner, group and DACL', () => {
    const token = machine.open();
    const [user, group] = machine.process.object.token.sids;
    const place = machine.space(8);
    const set = (kind: number, sid: string) => {
      machine.putNumber(place, 0);
      expect(machine.call('ConvertStringSidToSidA', sid, place)).toBe(1);
      return machine.attempt('SetTokenInformation', token, kind, place, 8);
    };
    expect(set(4, 'S-1-5-18')).toEqual([0, ERROR_INVALID_OWNER]);
    expect(set(4, user!)).toEqual([1, 0xdead]);
    expect(set(5, 'S-1-5-18')).toEqual([0, ERROR_INVALID_PRIMARY_GROUP]);
    expect(set(5, group!)).toEqual([1, 0xdead]);
    const dacl = machine.space(64);
    machine.process.write(dacl, Uint8Array.of(2, 0, 8, 0, 0, 0, 0, 0));
    machine.putNumber(place, dacl);
    expect(machine.attempt('SetTokenInformation', token, 6, place, 8)).toEqual([1, 0xdead]);
    expect(machine.attempt('SetTokenInformation', token, 8, place, 8)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.call('CreateEventA', 0, 0, 0, 'mine')).not.toBe(0);
    expect(machine.attempt('OpenEventA', 2, 0, 'mine')).toEqual([0, ERROR_ACCESS_DENIED]);
    machine.putNumber(place, 0);
    expect(machine.call('SetTokenInformation', token, 6, place, 8)).toBe(1);
    expect(machine.call('CreateEventA', 0, 0, 0, 'open')).not.toBe(0);
    expect(machine.attempt('OpenEventA', 2, 0, 'open')[0]).not.toBe(0);
    verify(machine.kernel.mm);
  });

  it('tells whether privileges are enabled', () => {
    const [set, result] = [machine.space(32), machine.space(4)];
    const check = (all: number) => {
      const words = Uint32Array.of(2, all, 23, 0, 0, 19, 0, 0);
      machine.process.write(set, new Uint8Array(words.buffer));
      expect(machine.call('PrivilegeCheck', machine.open(), set, result)).toBe(1);
      return machine.u32(result);
    };
    expect([check(0), check(1)]).toEqual([1, 0]);
  });
});
