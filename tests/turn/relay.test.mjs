// What the relay lets through: the media nodes' ports and nothing else, to
// holders of a credential of ours. Each refusal has its control: with the rule
// taken away, the same question passes.

import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TurnClient } from './client.mjs'
import { addresses, at, credentials, folder, root, startRelay, startTargets, stopAll, stopped, sure, until } from './lab.mjs'

/** 41001 is a media node's port here, 7000 is something else on its machine. */
const OURS = 41001
const THEIRS = 7000
const USER_QUOTA = 8

let server
let other
let relay

before(async () => {
  server = await startTargets('server', `${addresses.server}:${THEIRS}`, `${addresses.server}:${OURS}`)
  other = await startTargets('other', `${addresses.other}:${THEIRS}`, `${addresses.metadata}:80`)
  relay = await startRelay()
})
after(stopAll)

let seats = 0

/** A client with an allocation, on a seat of its own; closed when `act` is done. */
async function allocated(kind, act) {
  const client = await TurnClient.open(kind, addresses.relay, 3478)
  try {
    seats += 1
    assert.equal(await client.allocate(credentials(`seat${seats}`)), 0, 'the allocation')
    return await act(client)
  } finally {
    client.close()
  }
}

for (const kind of ['udp', 'tcp']) {
  test(`reached over ${kind}, the relay passes to a media node’s port and back`, () =>
    allocated(kind, async (client) => {
      assert.equal(await client.permit(addresses.server), 0)
      client.send(addresses.server, OURS, 'hello')
      assert.equal(await client.received(), 'hello')
    }))
}

/** Speaks to the forbidden port; coturn itself knows no ports and gives leave. */
const forbidden = (act) =>
  allocated('udp', async (client) => {
    assert.equal(await client.permit(addresses.server), 0)
    client.send(addresses.server, THEIRS, 'forbidden')
    return act(client)
  })

test('another port of a media node’s address is stopped by the egress rules, and counted', async () => {
  const before = await stopped()
  await forbidden(() => until(async () => (await stopped()) > before, 'the packet is stopped'))
  assert.equal(await stopped(), before + 1)
  assert.equal(await server.came(`udp ${addresses.server}:${THEIRS}`), 0)
})

for (const [what, address] of [
  ['another machine', addresses.other],
  ['the cloud’s metadata', addresses.metadata],
  ['the relay itself', addresses.relay],
  ['its loopback', '127.0.0.1'],
  ['any address', '0.0.0.0'],
  ['a citizen', addresses.citizen],
]) {
  test(`${what} is refused by coturn`, () =>
    allocated('udp', async (client) => {
      assert.equal(await client.permit(address), 403)
      // Data without a permission is dropped; the second is the sign that the first was dealt with.
      assert.equal(await client.permit(addresses.server), 0)
      client.send(address, address === addresses.metadata ? 80 : THEIRS, 'forbidden')
      client.send(addresses.server, OURS, 'allowed')
      assert.equal(await client.received(), 'allowed')
      assert.equal((await other.words()).includes('udp'), false)
    }))
}

/** What coturn's user says by itself, as a coturn in a stranger's hands would. */
const says = (protocol, address, port) =>
  at('relay', 'setpriv', '--reuid=turnserver', '--regid=turnserver', '--clear-groups', 'timeout', '3', 'bash', '-c', `echo x >/dev/${protocol}/${address}/${port}`)

test('coturn’s user opens no connection and sends nothing of its own accord', async () => {
  const before = await stopped()
  const tries = [
    ['tcp', addresses.server, THEIRS],
    ['tcp', addresses.server, OURS],
    ['tcp', addresses.other, THEIRS],
    ['tcp', addresses.metadata, 80],
    ['udp', addresses.server, THEIRS],
    ['udp', addresses.other, THEIRS],
    ['udp', addresses.metadata, 80],
  ]
  const outcomes = await Promise.all(tries.map((one) => says(...one)))
  assert.deepEqual(outcomes.map(({ failed }) => failed), tries.map(() => true))
  assert.ok((await stopped()) >= before + tries.length, 'each of them is counted')
  assert.equal((await server.words()).includes('tcp'), false)
  assert.equal((await other.words()).trim(), 'ready')
  // The same by another user of that machine is none of the rules' business.
  await sure('relay', 'bash', '-c', `echo x >/dev/tcp/${addresses.other}/${THEIRS}`)
})

test('expired, forged and foreign credentials are refused', async () => {
  const now = Math.floor(Date.now() / 1000)
  const code = async (login, realm) => {
    const client = await TurnClient.open('udp', addresses.relay, 3478)
    try {
      return await client.allocate(login, realm)
    } finally {
      client.close()
    }
  }
  assert.equal(await code(credentials('late', { expires: now - 1 })), 401, 'expired')
  assert.equal(await code(credentials('forged', { key: 'another secret' })), 401, 'another secret')
  const mine = credentials('mine')
  assert.equal(await code({ ...mine, username: mine.username.replace('mine', 'yours') }), 401, 'another seat')
  assert.equal(await code({ ...mine, username: `${now + 86_400}:mine` }), 401, 'a later end')
  assert.equal(await code({ ...mine, username: 'mine' }), 401, 'no end')
  // 437: coturn's word for a realm that is not its own.
  assert.equal(await code(mine, 'relais.ailleurs.test'), 437, 'another realm')
  assert.equal(await code(mine), 0, 'and as it was made it is good')
})

test('a seat has its quota, and another seat its own', async () => {
  const clients = []
  const again = async (subject) => {
    const client = await TurnClient.open('udp', addresses.relay, 3478)
    clients.push(client)
    return client.allocate(credentials(subject))
  }
  try {
    for (let nth = 1; nth <= USER_QUOTA; nth++) assert.equal(await again('greedy'), 0, `allocation ${nth}`)
    assert.equal(await again('greedy'), 486)
    assert.equal(await again('modest'), 0)
  } finally {
    for (const client of clients) client.close()
  }
})

test('control: without the egress rules the other port is reached', async () => {
  await sure('relay', 'nft', 'delete', 'table', 'inet', 'visioplainte_relay')
  assert.equal(await forbidden((client) => client.received()), 'forbidden')
  assert.equal(await server.came(`udp ${addresses.server}:${THEIRS}`), 1)
})

test('control: without coturn’s list the other machine is reached', async () => {
  await relay.stop()
  const conf = join(folder, 'open')
  await cp(join(root, 'turn'), conf, { recursive: true })
  const shipped = await readFile(join(conf, 'turnserver.conf'), 'utf8')
  await writeFile(join(conf, 'turnserver.conf'), shipped.replace(/^denied-peer-ip=.*$/gm, ''))
  relay = await startRelay({ conf })
  // Opened by hand, so that only coturn's list is on trial.
  await sure('relay', 'nft', 'delete', 'table', 'inet', 'visioplainte_relay')
  for (const [address, port] of [[addresses.other, THEIRS], [addresses.metadata, 80]]) {
    await allocated('udp', async (client) => {
      assert.equal(await client.permit(address), 0)
      client.send(address, port, 'forbidden')
      assert.equal(await client.received(), 'forbidden')
    })
    assert.equal(await other.came(`udp ${address}:${port}`), 1)
  }
})
