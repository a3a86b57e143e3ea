// `visioplainte check --relay`, as an operator runs it from outside: each way
// with its own result, and each thing that can be wrong said before a person
// meets it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses, at, binary, firewall, folder, relayIsAt, root, secret, startProxy, startRelay, startResolver, stopAll, turnUrls } from './lab.mjs'

const [udp, tcp, tls] = turnUrls

before(startResolver)
after(stopAll)

/** What it says of each way, by its address; `fails` is whether it ended as a failure. */
async function check(settings = {}) {
  const given = {
    VISIOPLAINTE_TURN_URLS: JSON.stringify(turnUrls),
    VISIOPLAINTE_TURN_SECRET: secret,
    VISIOPLAINTE_PROVIDER_ROOTS: join(folder, 'ca.pem'),
    ...settings,
  }
  const { failed, text } = await at('citizen', 'env', ...Object.entries(given).map(([name, value]) => `${name}=${value}`), binary, 'check', '--relay')
  const said = new Map([...text.matchAll(/^(ok|WRONG) +(\S+): (.*)$/gm)].map(([, outcome, what, detail]) => [what, `${outcome} ${detail}`]))
  assert.equal(failed, [...said.values()].some((one) => one.startsWith('WRONG')), text)
  return said
}

function all(said, pattern) {
  assert.deepEqual([...said.keys()], turnUrls)
  for (const [url, one] of said) assert.match(one, pattern, url)
}

test('a relay as it is shipped lets people in by every way', async () => {
  const relay = await startRelay()
  const said = await check()
  all(said, /^ok lets people in, to the media nodes only/)
  assert.match(said.get(tls), /certificate until \d{4}-\d{2}-\d{2}$/)

  // More often than a seat has allocations: each try gives back what it had.
  for (let round = 0; round < 3; round++) all(await check(), /^ok/)
  all(await check({ VISIOPLAINTE_TURN_SECRET: 'another' }), /^WRONG .*401/)
  const unknown = await check({ VISIOPLAINTE_PROVIDER_ROOTS: '' })
  assert.match(unknown.get(tls), /^WRONG TLS: .*UnknownIssuer/)
  assert.match(unknown.get(tcp), /^ok/)

  // Another name that leads there is not the certificate's.
  const other = tls.replace('relais.plainte.test', addresses.relay)
  assert.match((await check({ VISIOPLAINTE_TURN_URLS: JSON.stringify([other]) })).get(other), /^WRONG TLS: .*certificate/)
  assert.match((await check({ VISIOPLAINTE_TURN_URLS: JSON.stringify([udp, tcp]) })).get('turn'), /^WRONG .*443/)
  await relay.stop()
})

test('each way fails by itself when the network closes it', async () => {
  const relay = await startRelay()
  for (const [closed, rule] of [[udp, 'udp dport 3478'], [tcp, 'tcp dport 3478'], [tls, 'tcp dport 443']]) {
    await firewall(rule)
    const said = await check()
    assert.deepEqual([...said].filter(([, one]) => one.startsWith('WRONG')).map(([url]) => url), [closed])
    assert.match(said.get(closed), /no answer/)
  }
  await firewall()
  await relay.stop()
  all(await check(), /^WRONG/)
})

test('a certificate that is about to end is told, and the other ways are not concerned', async () => {
  const relay = await startRelay({ tls: 'soon' })
  const said = await check()
  assert.match(said.get(tls), /^WRONG the certificate ends in [23] days, on .*: renew it/)
  assert.match(said.get(udp), /^ok/)
  assert.match(said.get(tcp), /^ok/)
  await relay.stop()
})

test('a relay that would pass on to anybody is told', async () => {
  const conf = join(folder, 'careless')
  await cp(join(root, 'turn'), conf, { recursive: true })
  const shipped = await readFile(join(conf, 'turnserver.conf'), 'utf8')
  await writeFile(join(conf, 'turnserver.conf'), shipped.replace(/^denied-peer-ip=.*$/gm, ''))
  const relay = await startRelay({ conf })
  all(await check(), /^WRONG it would pass on to 169\.254\.169\.254/)
  await relay.stop()
})

test('through the proxy, by the name', async () => {
  const relay = await startRelay({ tlsPort: 5349 })
  const proxy = await startProxy()
  await relayIsAt(addresses.server)
  assert.match((await check({ VISIOPLAINTE_TURN_URLS: JSON.stringify([tls]) })).get(tls), /^ok .*certificate until/)
  await Promise.all([relay.stop(), proxy.stop()])
  await relayIsAt(addresses.relay)
})
