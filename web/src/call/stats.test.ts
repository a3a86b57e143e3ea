import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ParticipantView, RoomView } from './protocol'
import { expectedLines, qualityWord, readStats } from './stats'

test('a report of Chromium and one of Firefox give the same sample', () => {
  const inbound = { type: 'inbound-rtp', id: 'in', mid: '2', kind: 'video', bytesReceived: 700, packetsReceived: 7, packetsLost: 1, framesDecoded: 30, frameWidth: 640, frameHeight: 360 }
  const sound = { type: 'inbound-rtp', id: 'snd', mid: '3', kind: 'audio', bytesReceived: 300, totalAudioEnergy: 0.5 }
  const remote = { type: 'remote-candidate', id: 'rc', address: '192.0.2.2', port: 41000, protocol: 'udp' }
  const local = { type: 'local-candidate', id: 'lc', candidateType: 'relay' }
  const pair = { type: 'candidate-pair', id: 'cp', remoteCandidateId: 'rc', localCandidateId: 'lc', bytesReceived: 1500, bytesSent: 90, currentRoundTripTime: 0.0314 }
  const other = { type: 'candidate-pair', id: 'xx', remoteCandidateId: 'nobody', bytesReceived: 9 }
  const chromium = [inbound, sound, remote, local, other, pair, { type: 'transport', id: 't', selectedCandidatePairId: 'cp' }]
  const firefox = [inbound, sound, remote, local, other, { ...pair, selected: true }]
  for (const report of [chromium, firefox]) {
    const sample = readStats(report.map((entry): [string, unknown] => [entry.id, entry]))
    assert.equal(sample.selectedCandidate, '192.0.2.2:41000/udp')
    assert.equal(sample.localCandidateType, 'relay')
    assert.equal(sample.transportBytes, 1500)
    assert.equal(sample.mediaBytes, 1000)
    assert.equal(sample.rttMs, 31)
    assert.equal(sample.byMid.get('2')?.framesDecoded, 30)
    assert.equal(sample.byMid.get('3')?.audioEnergy, 0.5)
  }
})

test('an empty report is a sample of nothing', () => {
  const sample = readStats([])
  assert.equal(sample.mediaBytes, 0)
  assert.equal(sample.selectedCandidate, '')
})

test('one word for the quality', () => {
  const cases: [number | null, number, number, string][] = [
    [40, 0, 0, 'good'],
    [null, 0, 0.02, 'good'],
    [300, 0, 0, 'medium'],
    [40, 0.03, 0, 'medium'],
    [40, 0, 0.1, 'poor'],
    [600, 0, 0, 'poor'],
  ]
  for (const [rtt, up, down, word] of cases) {
    assert.equal(qualityWord({ type: 'quality', rtt_ms: rtt, loss_up: up, loss_down: down, bitrate_up: 0, bitrate_down: 0 }), word)
  }
  assert.equal(qualityWord(undefined), 'unknown')
})

test('media is expected only from someone connected, sending and heard, in an open room', () => {
  const officer: ParticipantView = { participant: 'p2', role: 'officer', label: 'B', place: 'in', connected: true, audio: true, video: false }
  const room: RoomView = { type: 'state', version: 1, state: 'open', place: 'in', participants: [officer], hears: ['p2'] }
  const tracks = {
    0: { participant: 'p1', kind: 'audio' },
    2: { participant: 'p2', kind: 'audio' },
    3: { participant: 'p2', kind: 'video' },
  } as const
  const seen: RoomView = { ...room, participants: [{ ...officer, video: true }] }
  const cases: [string, RoomView | undefined, string[], string?][] = [
    ['sound only', room, ['2']],
    ['both', seen, ['2', '3']],
    ['both, where another is hidden', seen, ['2', '3'], 'p3'],
    ['hidden by the page', seen, ['2'], 'p2'],
    ['held back, for a narrow way', { ...seen, narrow: true }, ['2']],
    ['a way that is wide', { ...seen, narrow: false }, ['2', '3']],
    ['no room yet', undefined, []],
    ['paused', { ...room, state: 'paused' }, []],
    ['waiting', { ...room, place: 'waiting' }, []],
    ['aside together', { ...room, place: 'aside' }, ['2']],
    ['not heard', { ...room, hears: [] }, []],
    ['away', { ...room, participants: [{ ...officer, connected: false }] }, []],
    ['kept by their own network', { ...room, participants: [{ ...officer, silent: ['audio'] }] }, []],
    ['muted and dark', { ...room, participants: [{ ...officer, audio: false }] }, []],
  ]
  for (const [what, view, mids, hidden] of cases) assert.deepEqual([...expectedLines(view, tracks, (participant) => participant === hidden).keys()], mids, what)
})
