import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inWords } from './hold.ts'

test('what is left is said in minutes and seconds, and the last second is not zero', () => {
  for (const [rest, words] of [
    [300_000, '5 min 00 s'],
    [299_001, '5 min 00 s'],
    [245_000, '4 min 05 s'],
    [60_000, '1 min 00 s'],
    [59_999, '1 min 00 s'],
    [1_500, '0 min 02 s'],
    [1, '0 min 01 s'],
  ] as const) {
    assert.equal(inWords(rest, '{minutes} min {seconds} s'), words)
  }
})
