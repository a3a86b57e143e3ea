// Settings are told in four places besides src/config.rs: the README's table,
// the example file, the compose file and the image. None may know a setting
// that does not exist, and the first two must know them all.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const read = (name) => readFile(join(root, name), 'utf8')

const source = await read('src/config.rs')
const settings = [...source.match(/pub struct Config \{([\s\S]*?)\n\}/)[1].matchAll(/^ {4}pub (\w+):/gm)].map(([, name]) => name)
/** Read by `Config::load` itself, or by the build of the pages. */
const others = ['config', 'identity']

test('the settings were found', () => {
  for (const name of ['listen', 'master_key', 'handoff_dir']) assert.ok(settings.includes(name), name)
})

test('the README’s table has every setting, once, and no other', async () => {
  const section = (await read('README.md')).split(/^## /m).find((part) => part.startsWith('Settings'))
  const told = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(told.toSorted(), settings.toSorted())
})

test('the example file has every setting, once, and no other', async () => {
  const told = [...(await read('deploy/visioplainte.example.toml')).matchAll(/^#?(\w+) = /gm)].map(([, name]) => name)
  assert.deepEqual(told.toSorted(), settings.toSorted())
})

for (const file of ['docker-compose.yml', 'Dockerfile', 'Makefile', 'README.md', 'tests/journey.sh']) {
  test(`${file} names no setting that does not exist`, async () => {
    const told = [...(await read(file)).matchAll(/VISIOPLAINTE_([A-Z_]*[A-Z])/g)].map(([, name]) => name.toLowerCase())
    const known = new Set([...settings, ...others, 'bin', 'test_postgres'])
    assert.deepEqual([...new Set(told)].filter((name) => !known.has(name)), [])
  })
}

test('every value the compose file asks for is in its example', async () => {
  const asked = [...(await read('docker-compose.yml')).matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name)
  const given = [...(await read('deploy/compose.env.example')).matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name)
  assert.deepEqual([...new Set(asked)].toSorted(), given.toSorted())
})

test('the relay’s page and the compose file know the entry point’s variables', async () => {
  const used = [...(await read('turn/entrypoint.sh')).matchAll(/\$\{?"?(TURN_[A-Z_]+)|"\$\{(TURN_[A-Z_]+)/g)].map(([, name, other]) => name ?? other)
  const known = new Set(used)
  assert.ok(known.has('TURN_PEERS') && known.has('TURN_TLS_PORT'))
  const told = [...(await read('turn/README.md')).matchAll(/^\| (`TURN_.*?) \|/gm)].flatMap(([, names]) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  assert.deepEqual(told.toSorted(), [...known].toSorted())
  const relay = (await read('docker-compose.yml')).match(/^  turn:\n([\s\S]*?)\n\n/m)[1]
  const given = [...relay.matchAll(/^ {6}(TURN_\w+):/gm)].map(([, name]) => name)
  assert.ok(given.length >= 3)
  assert.deepEqual(given.filter((name) => !known.has(name)), [])
})

test('compose offers the relay by UDP, by TCP and by TLS on 443, at ports that it opens', async () => {
  const compose = await read('docker-compose.yml')
  const urls = JSON.parse(compose.match(/VISIOPLAINTE_TURN_URLS: '(.*)'/)[1])
  assert.deepEqual(urls.map((url) => url.replace(/\$\{TURN_DOMAIN:\?\}/, 'relay')), ['turn:relay:3478?transport=udp', 'turn:relay:3478?transport=tcp', 'turns:relay:443?transport=tcp'])
  const published = [...compose.matchAll(/^ {4}ports: (\[.*\])$/gm)].flatMap(([, list]) => JSON.parse(list))
  for (const port of ['443:443', '3478:3478/udp', '3478:3478/tcp']) assert.ok(published.includes(port), port)
})
