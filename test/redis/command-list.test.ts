import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentBytes, CommandList, commandBytes } from '../../src/redis/connection/command-list.ts';

const GET = commandBytes(['GET'], 1);
const HGET = commandBytes(['HGET'], 2);

test('commands stand one behind the other, their keys counted in bytes', () => {
  const list = new CommandList();
  list.add(commandBytes(['TIME']));
  list.addKeyed(GET, '{0}:', 'metric');
  list.addKeyed(HGET, '{0}:', 'größe', argumentBytes('é'));
  assert.equal(list.count, 3);
  const expected = [
    '*1\r\n$4\r\nTIME\r\n',
    '*2\r\n$3\r\nGET\r\n$10\r\n{0}:metric\r\n',
    '*3\r\n$4\r\nHGET\r\n$11\r\n{0}:größe\r\n$2\r\né\r\n',
  ];
  assert.equal(list.bytes.toString(), expected.join(''));
  assert.deepEqual(
    expected.map((_, i) => list.only(i).bytes.toString()),
    expected,
  );
});

test('memory grows with what is added, and is used again', () => {
  const list = new CommandList(8);
  const names = Array.from({ length: 1000 }, (_, i) => `name_${i}${i % 7 === 0 ? 'ü' : ''}`);
  for (let round = 0; round < 2; round++) {
    list.clear();
    for (const name of names) list.addKeyed(GET, 'prefix:', name);
    assert.equal(list.count, names.length);
    assert.equal(
      list.bytes.toString(),
      names
        .map((name) => `*2\r\n$3\r\nGET\r\n$${Buffer.byteLength(name) + 7}\r\nprefix:${name}\r\n`)
        .join(''),
    );
  }
});
