import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ParticipantView, RoomView } from './protocol'
import { type Standing, shown, statusKey } from './shown'

const me: ParticipantView = { participant: 'p1', role: 'citizen', label: 'La victime', place: 'in', connected: true, audio: true, video: true }
const officer: ParticipantView = { ...me, participant: 'p2', role: 'officer', label: 'Brigadier' }
const room: RoomView = { type: 'state', version: 1, state: 'open', place: 'in', participants: [me, officer], hears: ['p2'] }
const seated: Standing = { phase: { kind: 'seated' }, view: room, seatedOnce: true, mediaLost: false, mediaBlocked: false }

test('where a person stands, in one word and one sentence', () => {
  const cases: [string, Standing, string, string][] = [
    ['not asked yet', { ...seated, phase: undefined }, 'test', 'status-test'],
    ['first try', { ...seated, phase: { kind: 'connecting' }, view: undefined }, 'connecting', 'status-connecting'],
    ['first try fails', { ...seated, phase: { kind: 'reconnecting', attempt: 1 }, seatedOnce: false }, 'connecting', 'status-connecting'],
    ['seat before state', { ...seated, view: undefined }, 'connecting', 'status-connecting'],
    ['waiting', { ...seated, view: { ...room, place: 'waiting' } }, 'waiting', 'status-waiting'],
    ['waiting in a paused room', { ...seated, view: { ...room, place: 'waiting', state: 'paused' } }, 'waiting', 'status-waiting'],
    ['in', seated, 'in', 'status-in'],
    ['alone', { ...seated, view: { ...room, participants: [me, { ...officer, connected: false }] } }, 'in', 'status-alone'],
    ['aside', { ...seated, view: { ...room, place: 'aside' } }, 'in', 'status-aside'],
    ['paused', { ...seated, view: { ...room, state: 'paused' } }, 'paused', 'status-paused'],
    ['media lost', { ...seated, mediaLost: true }, 'reconnecting', 'status-reconnecting'],
    ['no media at all', { ...seated, mediaLost: true, mediaBlocked: true }, 'reconnecting', 'status-blocked'],
    ['no line either', { ...seated, phase: { kind: 'reconnecting', attempt: 0 }, mediaLost: true, mediaBlocked: true }, 'reconnecting', 'status-reconnecting'],
    ['line lost', { ...seated, phase: { kind: 'reconnecting', attempt: 0 } }, 'reconnecting', 'status-reconnecting'],
    ['no place yet', { ...seated, phase: { kind: 'reconnecting', attempt: 9, full: true }, seatedOnce: false }, 'connecting', 'status-full'],
    ['line lost, no place', { ...seated, phase: { kind: 'reconnecting', attempt: 0, full: true } }, 'reconnecting', 'status-full'],
    ['line lost for long', { ...seated, phase: { kind: 'reconnecting', attempt: 6 } }, 'reconnecting', 'status-reconnecting-long'],
    ['room ended', { ...seated, view: { ...room, state: 'ended' } }, 'ended', 'status-ended'],
    ['left', { ...seated, phase: { kind: 'over', why: 'left', code: 1000 } }, 'ended', 'status-left'],
    ['replaced', { ...seated, phase: { kind: 'over', why: 'replaced', code: 4409 } }, 'ended', 'status-replaced'],
    ['refused', { ...seated, phase: { kind: 'over', why: 'refused', code: 4403 } }, 'refused', 'refused-4403'],
  ]
  for (const [what, standing, state, key] of cases) {
    assert.equal(shown(standing), state, what)
    assert.equal(statusKey(standing, shown(standing), 'p1'), key, what)
  }
})
