import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Abilities, can } from './abilities'

type Codecs = Record<'audio' | 'video', string[]>

/** A browser that sends and receives these, each as "type parameters". */
function browser(sends: Codecs, receives: Codecs = sends, layers = false): Abilities {
  const of = (codecs: Codecs) => (kind: 'audio' | 'video') =>
    codecs[kind].map((codec) => {
      const [mimeType = '', sdpFmtpLine] = codec.split(' ')
      return { mimeType, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) }
    })
  return { sends: of(sends), receives: of(receives), layers }
}

const chromium: Codecs = {
  audio: ['audio/opus minptime=10;useinbandfec=1', 'audio/red'],
  video: [
    'video/VP8',
    'video/rtx',
    'video/H264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f',
    'video/H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    'video/AV1 level-idx=5;profile=0;tier=0',
    'video/VP9 profile-id=0',
    'video/VP9 profile-id=2',
  ],
}
const firefox: Codecs = { audio: ['audio/opus'], video: ['video/VP8 max-fs=12288;max-fr=60', 'video/VP9 max-fs=12288;max-fr=60', 'video/AV1'] }
const videoOnly = (...video: string[]): Codecs => ({ audio: [], video })

test('a browser tells what it can, and only in the forms that the node offers', () => {
  for (const [name, abilities, encryption, expected] of [
    ['Chromium', browser(chromium, chromium, true), true, { codecs: ['vp9', 'h264', 'av1'], redundancy: 1, simulcast: 1, encryption: 1 }],
    ['Firefox', browser(firefox, firefox, true), true, { codecs: ['vp9', 'av1'], simulcast: 1, encryption: 1 }],
    ['one that does not say', browser({ audio: [], video: [] }), false, {}],
    ['the basics alone', browser({ audio: ['audio/opus'], video: ['video/VP8'] }), false, {}],
    ['what is only received', browser(firefox, chromium), false, { codecs: ['vp9', 'av1'] }],
    ['what is only sent', browser(chromium, firefox), false, { codecs: ['vp9', 'av1'] }],
    ['other profiles', browser(videoOnly('video/VP9 profile-id=2', 'video/AV1 profile=1', 'video/H264 packetization-mode=1;profile-level-id=4d001f')), false, {}],
    ['H.264 one picture a packet', browser(videoOnly('video/H264 packetization-mode=0;profile-level-id=42e01f')), false, {}],
    ['another level', browser(videoOnly('video/H264 packetization-mode=1;profile-level-id=42E034')), false, { codecs: ['h264'] }],
  ] as const) {
    assert.deepEqual(can(abilities, encryption), expected, name)
  }
})

test('all that can be told is what the shared message says', () => {
  const fixture = readFileSync(join(import.meta.dirname, '../tests/fixtures/protocol/client-join-can-all.json'), 'utf8')
  assert.deepEqual(can(browser(chromium, chromium, true), true), JSON.parse(fixture).can)
})
