import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MediaKind } from './protocol'
import { Recovery, type Step } from './recovery'
import type { TrackSample } from './stats'

interface Moment {
  transport: number
  /** Bytes of the lines from which something is expected. */
  audio?: number
  video?: number
}

function observe(recovery: Recovery, now: number, { transport, audio, video }: Moment): Step | undefined {
  const expected = new Map<string, MediaKind>()
  const byMid = new Map<string, TrackSample>()
  for (const [kind, bytes] of [['audio', audio], ['video', video]] as const) {
    if (bytes === undefined) continue
    expected.set(kind, kind)
    byMid.set(kind, { bytes, packets: 0, lost: 0, framesDecoded: 0, audioEnergy: 0, frameWidth: 0, frameHeight: 0, freezes: 0 })
  }
  return recovery.observe(now, expected, { transportBytes: transport, byMid })
}

/** Feeds a fifth of a second at a time; returns when which step was asked for. */
function steps(seconds: number, at: (now: number) => Moment): [number, Step][] {
  const recovery = new Recovery()
  const asked: [number, Step][] = []
  for (let now = 0; now <= seconds * 1000; now += 200) {
    const step = observe(recovery, now, at(now))
    if (step === undefined) continue
    recovery.asked(step, now)
    asked.push([now, step])
  }
  return asked
}

test('a second of silence asks for another path, then for fresh connections, ever more patiently', () => {
  const stopsAt5 = (now: number) => ({ transport: Math.min(now, 5000), audio: Math.min(now, 5000) })
  assert.deepEqual(steps(40, stopsAt5), [[6000, 'ice'], [8000, 'fresh'], [11000, 'fresh'], [17000, 'fresh'], [29000, 'fresh']])
})

test('mute is not silence, and a healthy call is left alone', () => {
  assert.deepEqual(steps(60, (now) => ({ transport: now, audio: now, video: now })), [])
  assert.deepEqual(steps(60, () => ({ transport: 7 })), [])
})

test('while our own transport lives, a silent voice is given three seconds and an image six', () => {
  assert.deepEqual(steps(5, (now) => ({ transport: now, audio: 100, video: now })), [[3000, 'fresh']])
  assert.deepEqual(steps(8, (now) => ({ transport: now, audio: now, video: 100 })), [[6000, 'fresh']])
})

test('unmuting gives the line its full time again', () => {
  assert.deepEqual(steps(9, (now) => (now < 7000 ? { transport: now } : { transport: now, audio: 100 })), [])
})

test('after a recovery the next break is answered as quickly as the first', () => {
  const breaks = (now: number) => {
    const bytes = now < 5000 ? now : now < 7000 ? 5000 : now < 40000 ? now : 40000
    return { transport: bytes, audio: bytes }
  }
  assert.deepEqual(steps(42, breaks), [[6000, 'ice'], [41000, 'ice']])
})

test('another path counts from nought, which is no sign of life', () => {
  // A restart that does not help: the new path has carried nothing.
  const dead = (now: number) => (now < 3000 ? { transport: now, audio: now } : now < 4500 ? { transport: 3000, audio: 3000 } : { transport: 0, audio: 3000 })
  assert.deepEqual(steps(6, dead), [[4000, 'ice'], [6000, 'fresh']])
})

test('a hint of the browser shortens the patience, and a new line asks anew', () => {
  const recovery = new Recovery()
  const at = (now: number) => observe(recovery, now, { transport: Math.min(now, 1000), audio: Math.min(now, 1000) })
  for (let now = 0; now <= 1000; now += 100) assert.equal(at(now), undefined)
  recovery.suspect(1050)
  assert.equal(at(1200), undefined)
  assert.equal(at(1300), 'ice')
  recovery.asked('ice', 1300)
  assert.equal(at(1500), undefined)
  recovery.seated()
  assert.equal(at(1600), 'ice')
})

test('the line is asked once a silence, before patience ends', () => {
  const recovery = new Recovery()
  const asked: number[] = []
  for (let now = 0; now <= 4000; now += 200) {
    // Silent from 1 s to 2 s, and from 3 s on.
    const bytes = now < 1000 ? now : now < 2000 ? 1000 : Math.min(now, 3000)
    observe(recovery, now, { transport: bytes, audio: bytes })
    if (recovery.doubts(now)) asked.push(now)
  }
  assert.deepEqual(asked, [1400, 3400])
})

test('what the browser says of a path is believed only where nothing comes', () => {
  const recovery = new Recovery()
  assert.ok(recovery.believes(0))
  // Nobody is expected to send, yet something comes until 1 s.
  for (let now = 0; now <= 2000; now += 200) {
    observe(recovery, now, { transport: Math.min(now, 1000) })
    assert.equal(recovery.believes(now), now === 0 || now >= 1400, String(now))
  }
  recovery.asked('ice', 2000)
  assert.ok(!recovery.believes(3999))
  assert.ok(recovery.believes(4000))
})
