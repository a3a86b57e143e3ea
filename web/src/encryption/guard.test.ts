import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Guard, type Turn, framesOf } from './guard'

const none = { audioOut: 0, videoOut: 0, audioIn: 0, videoIn: 0 }

/** Seconds in which the browser and the encryption count so many more frames; whether it was seen, and when. */
function seen(turn: Turn, seconds: [browser: number, turned: number][]): number {
  const guard = new Guard()
  let [browser, turned] = [none, none]
  guard.observe(browser, turned)
  return seconds.findIndex(([more, through]) => {
    browser = { ...browser, [turn]: browser[turn] + more }
    turned = { ...turned, [turn]: turned[turn] + through }
    return guard.observe(browser, turned)
  })
}

test('frames that pass by are seen, and nothing else is taken for it', () => {
  for (const [what, turn, seconds, when] of [
    ['all as it should be', 'videoOut', Array(10).fill([25, 25]), -1],
    ['muted', 'audioOut', Array(10).fill([0, 0]), -1],
    ['held back by the encryption', 'videoOut', Array(10).fill([0, 25]), -1],
    ['video in clear', 'videoOut', Array(10).fill([25, 0]), 2],
    ['sound in clear', 'audioOut', Array(10).fill([50, 0]), 2],
    ['pictures that nobody opened', 'videoIn', Array(10).fill([25, 0]), 2],
    ['a count that comes late', 'videoOut', [[25, 0], [25, 0], [25, 75], [25, 0], [25, 0], [25, 75]], -1],
    ['hardly a frame', 'videoOut', Array(10).fill([4, 0]), -1],
    ['a new connection counts from nothing', 'videoOut', [[25, 25], [-25, 0], [25, 25], [25, 25]], -1],
  ] as [string, Turn, [number, number][], number][]) {
    assert.equal(seen(turn, seconds), when, what)
  }
})

test('a report is read by kind and direction', () => {
  const report = new Map(
    Object.entries({
      a: { type: 'outbound-rtp', kind: 'video', framesSent: 3 },
      b: { type: 'outbound-rtp', kind: 'video', framesSent: 4 },
      c: { type: 'outbound-rtp', kind: 'audio', packetsSent: 50 },
      d: { type: 'inbound-rtp', kind: 'video', framesDecoded: 7 },
      e: { type: 'inbound-rtp', kind: 'audio', packetsReceived: 9 },
      f: { type: 'outbound-rtp', kind: 'video' },
      g: { type: 'transport', framesSent: 9 },
    }),
  )
  assert.deepEqual(framesOf(report), { audioOut: 50, videoOut: 7, audioIn: 0, videoIn: 7 })
})
