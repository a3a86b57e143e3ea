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
