import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Can, type ClientMessage, type ServerMessage, afterClose, parseServerMessage } from './protocol'

/** The messages that Rust reads and writes too, one a file. */
const fixtures = join(import.meta.dirname, '../tests/fixtures/protocol')

const clientTypes = ['join', 'answer', 'candidate', 'restart_ice', 'media', 'seal', 'publish', 'want', 'leave', 'ping']
const serverTypes = ['waiting', 'joined', 'offer', 'state', 'quality', 'limit', 'seal', 'seal_refused', 'refused', 'ended', 'pong']

function can({ codecs, redundancy, simulcast, encryption }: any): Can {
  return JSON.parse(JSON.stringify({ codecs, redundancy, simulcast, encryption } satisfies Record<keyof Can, unknown>))
}

/** Rebuilds a message of ours from a fixture's fields, so that a field renamed on one side shows. */
function rebuilt(message: any): ClientMessage {
  switch (message.type as string) {
    case 'join':
      return { type: 'join', token: message.token, ...('resume' in message ? { resume: message.resume } : {}), ...('can' in message ? { can: can(message.can) } : {}) }
    case 'answer':
      return { type: 'answer', negotiation: message.negotiation, sdp: message.sdp }
    case 'candidate':
      return { type: 'candidate', candidate: message.candidate, mid: message.mid ?? null, index: message.index ?? null }
    case 'restart_ice':
      return 'fresh' in message ? { type: 'restart_ice', fresh: message.fresh } : { type: 'restart_ice' }
    case 'media':
      return { type: 'media', audio: message.audio, video: message.video }
    case 'seal': {
      const { to, kind, group, epoch, payload, welcome } = message
      const whole: ClientMessage = { type: 'seal', to, kind, group, epoch, payload, welcome }
      return JSON.parse(JSON.stringify(whole))
    }
    case 'publish':
      return { type: 'publish', kind: message.kind, on: message.on }
    case 'want':
      return { type: 'want', participant: message.participant, kind: message.kind, height: message.height }
    case 'leave':
      return { type: 'leave' }
    default:
      return { type: 'ping', t: message.t }
  }
}

test('every message that Rust knows is one that the page knows, field for field', () => {
  const seen = new Set<string>()
  for (const name of readdirSync(fixtures).filter((name) => name.endsWith('.json'))) {
    const text = readFileSync(join(fixtures, name), 'utf8')
    const message = JSON.parse(text) as Record<string, unknown>
    const type = String(message.type)
    if (name.startsWith('server-')) {
      assert.deepEqual(parseServerMessage(text), message, name)
      seen.add(`server-${type}`)
    } else if (name.startsWith('client-')) {
      const { mid = null, index = null, ...rest } = message
      const whole = type === 'candidate' ? { ...rest, mid, index } : message
      assert.deepEqual(rebuilt(message), whole, name)
      seen.add(`client-${type}`)
    }
  }
  const all = [...clientTypes.map((type) => `client-${type}`), ...serverTypes.map((type) => `server-${type}`)]
  const missing = all.filter((type) => !seen.has(type))
  assert.deepEqual(missing, [], 'types without a fixture')
})

test('what is not of the protocol is dropped', () => {
  const dropped = [
    '',
    'not JSON',
    'null',
    '[]',
    '"joined"',
    '{}',
    '{"type":7}',
    '{"type":"from_a_newer_node"}',
    '{"type":"joined","participant":"p1"}',
    '{"type":"joined","participant":1,"resume":"r"}',
    '{"type":"offer","negotiation":-1,"fresh":true,"sdp":"v=0","tracks":{}}',
    '{"type":"offer","negotiation":1,"fresh":"yes","sdp":"v=0","tracks":{}}',
    '{"type":"offer","negotiation":1,"fresh":true,"sdp":"v=0","tracks":{"0":{"participant":"p1","kind":"smell"}}}',
    '{"type":"offer","negotiation":1,"fresh":true,"sdp":"v=0","tracks":[]}',
    '{"type":"state","version":1,"state":"open","place":"roof","participants":[],"hears":[]}',
    '{"type":"state","version":1,"state":"open","place":"in","participants":[{}],"hears":[]}',
    '{"type":"state","version":1,"state":"open","place":"in","participants":[],"hears":[1]}',
    '{"type":"quality","rtt_ms":"fast","loss_up":0,"loss_down":0,"bitrate_up":0,"bitrate_down":0}',
    '{"type":"seal","from":"p1","kind":"gossip","epoch":1,"payload":""}',
    '{"type":"seal","from":"p1","kind":"commit","epoch":-1,"payload":""}',
    '{"type":"seal","from":"p1","kind":"commit","epoch":1,"payload":"","welcome":7}',
    '{"type":"seal_refused","group":"g"}',
    '{"type":"refused","code":4401}',
    '{"type":"pong"}',
  ]
  for (const text of dropped) assert.equal(parseServerMessage(text), undefined, text)
})

test('an unknown round trip is null, whether the node says so or says nothing', () => {
  const rest = '"loss_up":0,"loss_down":0.5,"bitrate_up":1,"bitrate_down":2'
  for (const text of [`{"type":"quality","rtt_ms":null,${rest}}`, `{"type":"quality",${rest}}`]) {
    const message = parseServerMessage(text) as Extract<ServerMessage, { type: 'quality' }>
    assert.equal(message.rtt_ms, null)
    assert.equal(message.loss_down, 0.5)
  }
})

test('close codes say what to do next', () => {
  const cases: [number, string][] = [
    [1000, 'retry'],
    [1001, 'retry'],
    [1006, 'retry'],
    [4400, 'refused'],
    [4401, 'retry'],
    [4403, 'refused'],
    [4404, 'retry'],
    [4408, 'retry'],
    [4409, 'replaced'],
    [4410, 'ended'],
    [4413, 'refused'],
    [4429, 'retry'],
    [4503, 'retry'],
    [4999, 'retry'],
  ]
  for (const [code, then] of cases) assert.equal(afterClose(code), then, String(code))
})
