import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hoursOf, moved } from './week.ts'

test('the grid shows a working day and whatever lies outside it', () => {
  const at = (from: string, to: string, takesTime = true) => ({ starts: `2026-11-23T${from}:00`, ends: `2026-11-23T${to}:00`, takesTime })
  for (const [entries, first, last] of [
    [[], '08:00:00', '20:00:00'],
    [[at('10:00', '10:30')], '08:00:00', '20:00:00'],
    [[at('06:30', '07:00')], '06:00:00', '20:00:00'],
    [[at('20:00', '20:30')], '08:00:00', '21:00:00'],
    [[at('06:30', '07:00', false)], '08:00:00', '20:00:00'],
    [[{ starts: '2026-11-23T23:30:00', ends: '2026-11-24T00:00:00', takesTime: true }], '08:00:00', '24:00:00'],
  ] as const) {
    assert.deepEqual(hoursOf(entries), { first, last })
  }
})

test('keys move an entry within its week and no further', () => {
  const monday = '2026-11-23'
  for (const [start, minutes, expected] of [
    ['2026-11-23T10:00:00Z', 30, '2026-11-23T10:30:00Z'],
    ['2026-11-23T10:00:00Z', -30, '2026-11-23T09:30:00Z'],
    ['2026-11-23T10:00:00Z', 1440, '2026-11-24T10:00:00Z'],
    ['2026-11-23T10:00:00Z', -1440, '2026-11-23T10:00:00Z'],
    ['2026-11-29T10:00:00Z', 1440, '2026-11-29T10:00:00Z'],
    ['2026-11-29T23:30:00Z', 30, '2026-11-29T23:30:00Z'],
  ] as const) {
    const end = new Date(Date.parse(start) + 1_800_000).toISOString()
    const next = moved(start, end, minutes, monday)
    assert.equal(next.start, expected)
    assert.equal(Date.parse(next.end) - Date.parse(next.start), 1_800_000)
  }
})
