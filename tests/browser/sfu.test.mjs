// What `web/src/call/peer.ts` and the media node make of real cameras and screens
// in real Chromium: whose image is shown where, in which size, and when not.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openHall } from './hall.mjs'

let hall
before(async () => {
  hall = await openHall()
})
after(() => hall?.close())

test('a shared screen is an image of its own, beside the camera and on the same connection', async () => {
  const { join, close } = await hall.hearing('screen', { angele: 'red', jean: 'blue' })
  const angele = await join('angele')
  const jean = await join('jean')
  await angele.shows('cameras', 'jean', 'blue')
  await jean.shows('cameras', 'angele', 'red')
  await angele.run(() => window.me.share('yellow'))
  await jean.shows('screens', 'angele', 'yellow')
  await jean.shows('cameras', 'angele', 'red')
  assert.equal(await jean.run(() => window.me.room.participants[0].screen), true)
  await angele.run(() => window.me.share(null))
  await jean.until(() => window.me.screens.size === 0)
  await angele.shows('cameras', 'jean', 'blue')

  // Again and again, on the line that was used before: each is decoded, not only the first.
  for (const colour of ['magenta', 'lime']) {
    await angele.run((colour) => window.me.share(colour), colour)
    await jean.shows('screens', 'angele', colour)
    const before = await jean.run(() => window.me.received('angele', 'screen'))
    await jean.until(async (before) => (await window.me.received('angele', 'screen')).frames > before + 20, before.frames, 'the screen is decoded')
    await angele.run(() => window.me.share(null))
    await jean.until(() => window.me.screens.size === 0)
  }
  await jean.shows('cameras', 'angele', 'red')
  // Nothing was begun anew.
  const offers = await jean.run(() => window.me.offers)
  assert.deepEqual(offers.filter(({ fresh }) => fresh).length, 1)
  assert.equal(Math.max(...offers.map(({ lines }) => lines)), 5)
  await close()
})

test('three people see each other, each in the size in which the other is shown, and hidden images are not sent', async () => {
  const { join, close } = await hall.hearing('sizes', { angele: 'red', jean: 'blue', avocate: 'lime' }, { abilities: { simulcast: 1 } })
  const angele = await join('angele')
  const jean = await join('jean')
  await angele.shows('cameras', 'jean', 'blue')
  await jean.shows('cameras', 'angele', 'red')
  // For two, the camera is sent once, in full.
  await angele.until(async () => (await window.me.sent()).join() === '480')

  const avocate = await join('avocate')
  await angele.until(async () => (await window.me.sent()).join() === '240,480')
  for (const page of [angele, jean]) await page.shows('cameras', 'avocate', 'lime')
  await avocate.shows('cameras', 'angele', 'red')
  await avocate.shows('cameras', 'jean', 'blue')

  // Down, up and down again on the very same line; the other subscriber is not disturbed.
  for (const [shown, height] of [
    [180, 240],
    [720, 480],
    [180, 240],
  ]) {
    await jean.run((shown) => window.me.want('angele', shown), shown)
    await jean.receives('angele', height)
    // And it goes on there, without a freeze that only a fresh start would end.
    await jean.receives('angele', height, (await jean.frames('angele')) + 20)
    await avocate.receives('angele', 480, await avocate.frames('angele'))
    await jean.shows('cameras', 'angele', 'red')
  }

  await jean.run(() => window.me.want('angele', 0))
  const shown = async () => {
    const before = await jean.frames('angele')
    await avocate.receives('angele', 480, (await avocate.frames('angele')) + 20)
    return (await jean.frames('angele')) - before
  }
  // What was under way when it was said may still come; then nothing does.
  for (let tries = 0; (await shown()) > 0; tries++) assert.ok(tries < 5, 'what is hidden still comes')
  await jean.run(() => window.me.want('angele', 720))
  await jean.receives('angele', 480, await jean.frames('angele'))

  await avocate.run(() => window.me.say({ type: 'leave' }))
  await angele.until(async () => (await window.me.sent()).join() === '480')
  await jean.receives('angele', 480, (await jean.frames('angele')) + 20)
  assert.deepEqual(await jean.run(() => window.me.offers.filter(({ fresh }) => fresh).length), 1)
  await close()
})
