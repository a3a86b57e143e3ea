import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const web = import.meta.dirname

function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(join(web, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
}

/** Message ids of a language and the variables each uses. */
function messagesOf(language: string): Map<string, string> {
  const messages = new Map<string, string>()
  for (const file of filesUnder(`messages/${language}`, '.ftl')) {
    // The text of a letter goes on over indented lines, with empty ones between its paragraphs.
    const folded = readFileSync(join(web, file), 'utf8').replace(/\n+ +/g, ' ')
    for (const line of folded.split('\n')) {
      const found = /^([a-z][a-z0-9_-]*) = (.+)$/.exec(line)
      if (found === null) {
        assert.match(line, /^(#.*)?$/, `${file}: one message a line, not "${line}"`)
        continue
      }
      const [, id = '', text = ''] = found
      assert.ok(!messages.has(id), `${file}: ${id} is there twice`)
      messages.set(id, [...text.matchAll(/\{ ?\$([a-z_]+) ?\}/g)].map(([, name]) => name).sort().join(' '))
    }
  }
  return messages
}

test('the two languages say the same things with the same variables', () => {
  assert.deepEqual([...messagesOf('en')].sort(), [...messagesOf('fr')].sort())
})

test('every message that a template asks for exists', () => {
  const known = messagesOf('fr')
  const missing: string[] = []
  for (const file of filesUnder('templates', '.html')) {
    // What stands in a template's comment is an example, not a request.
    const text = readFileSync(join(web, file), 'utf8').replace(/\{#[\s\S]*?#\}/g, '')
    for (const [, id = ''] of text.matchAll(/\bctx\.t\w*\("([^"]+)"/g)) if (!known.has(id)) missing.push(`${file}: ${id}`)
  }
  assert.deepEqual(missing, [])
})

test('no template brings a style or a script of its own, which the pages’ policy would refuse', () => {
  const refused: string[] = []
  for (const file of filesUnder('templates', '.html')) {
    if (file.includes('emails')) continue
    const text = readFileSync(join(web, file), 'utf8').replace(/\{#[\s\S]*?#\}/g, '')
    for (const [found] of text.matchAll(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|javascript:/gi)) refused.push(`${file}: ${found}`)
  }
  assert.deepEqual(refused, [])
})

test('every sentence the call may show stands on its page', () => {
  const template = readFileSync(join(web, 'templates/hearings/_call.html'), 'utf8')
  const keys = new Set([...template.matchAll(/data-key="([^"]+)"/g)].map(([, key]) => key))
  const asked = new Set<string>()
  for (const file of filesUnder('src/call', '.ts')) {
    const text = readFileSync(join(web, file), 'utf8')
    if (file.endsWith('.test.ts')) {
      // The table of states in the tests names the sentences one by one.
      for (const [, key = ''] of text.matchAll(/'((?:status|refused)-[a-z0-9-]+)'/g)) asked.add(key)
    } else {
      for (const [, key = ''] of text.matchAll(/text\('([a-z-]+)'/g)) asked.add(key)
    }
  }
  const missing = [...asked].filter((key) => !keys.has(key))
  assert.deepEqual(missing, [])
  assert.ok(asked.size > 15, 'the search found the keys')
})
