import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Want, Wants, heightOf } from './wants'

test('larger is told at once, smaller once it has lasted, and nothing twice', () => {
  const sent: string[] = []
  const wants = new Wants(({ participant, height }) => sent.push(`${participant} ${height}`) > 0)
  for (const [at, heights, told] of [
    [0, { p2: 700 }, ['p2 720']],
    [200, { p2: 715 }, []],
    // A window is being drawn smaller.
    [400, { p2: 500 }, []],
    [2200, { p2: 200 }, []],
    [2400, { p2: 200 }, ['p2 240']],
    [2600, { p2: 190 }, []],
    // And larger.
    [2800, { p2: 350 }, ['p2 360']],
    [3000, { p2: 361 }, ['p2 420']],
    // Hidden for a moment only, then for good.
    [4000, { p2: 0 }, []],
    [5000, { p2: 420 }, []],
    [6000, { p2: 0 }, []],
    [7999, { p2: 0 }, []],
    [8000, { p2: 0 }, ['p2 0']],
    [9000, { p2: 0, p3: 90 }, ['p3 120']],
    [9200, { p2: 1, p3: 90 }, ['p2 60']],
    // Somebody went and came back: what was told of them is forgotten.
    [9400, { p3: 120 }, []],
    [9600, { p2: 60, p3: 120 }, ['p2 60']],
  ] as const) {
    wants.look(at, new Map(Object.entries(heights)))
    assert.deepEqual(sent.splice(0), told, `at ${at}`)
  }
})

test('what could not be sent is tried again, and a new line is told everything', () => {
  let open = false
  const sent: Want[] = []
  const wants = new Wants((want) => open && sent.push(want) > 0)
  const look = (at: number, height: number) => wants.look(at, new Map([['p2', height]]))
  look(0, 0)
  assert.equal(wants.hides('p2'), false)
  open = true
  look(200, 0)
  assert.equal(wants.hides('p2'), true)
  assert.equal(wants.hides('p3'), false)
  wants.lineOpened()
  assert.equal(wants.hides('p2'), false)
  look(400, 360)
  const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../tests/fixtures/protocol/client-want.json'), 'utf8'))
  assert.deepEqual(sent, [{ ...fixture, height: 0 }, fixture])
})

test('an image is as high as its box lets it be, in pixels of the screen', () => {
  const phone = { width: 390, height: 600 }
  for (const [name, box, image, pixelRatio, height] of [
    ['a wide image in a high box', phone, { width: 1280, height: 720 }, 2, 438.75],
    ['a high image in a wide box', { width: 800, height: 300 }, { width: 720, height: 1280 }, 1, 300],
    ['nothing came yet', phone, { width: 0, height: 0 }, 1, 600],
    ['no box', { width: 0, height: 0 }, { width: 640, height: 480 }, 3, 0],
  ] as const) {
    assert.equal(heightOf(box, image, pixelRatio), height, name)
  }
})
