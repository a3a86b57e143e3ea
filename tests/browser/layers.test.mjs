// What pages say that their browsers can, between real browsers, end-to-end
// encrypted: a camera in two sizes from Chromium and from Firefox, each size opened
// and decoded by both; redundant sound where everybody has it, and plain sound from
// the moment when somebody has not.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openHall } from './hall.mjs'

const FRAMES = 20
const colours = { angele: 'red', jean: 'blue', lea: 'lime' }

let hall
before(async () => {
  hall = await openHall({ firefox: true })
})
after(() => hall?.close())

/** Waits until somebody is heard: the sound that comes grows louder from now on. */
async function hears(seat, participant) {
  const { loudness } = await seat.run((participant) => window.me.received(participant, 'audio'), participant)
  await seat.until(async ([participant, before]) => (await window.me.received(participant, 'audio')).loudness > before, [participant, loudness], 'somebody is heard')
}

/** Waits until somebody's sound comes in that codec. */
function comesAs(seat, participant, codec) {
  return seat.until(async ([participant, codec]) => (await window.me.received(participant, 'audio')).codec === codec, [participant, codec], 'the sound comes in that codec')
}

test('both sizes of a camera are sealed and opened, from either browser to either', async () => {
  const { join, close } = await hall.hearing('layers', colours, { abilities: 'own', sealed: true })
  const seats = { angele: await join('angele'), jean: await join('jean'), lea: await join('lea', { firefox: true }) }
  const names = Object.keys(seats)
  for (const name of names) await seats[name].until(() => window.me.sealing === 'sealed', null, `${name} is protected`)
  for (const name of names) {
    for (const other of names.filter((other) => other !== name)) await seats[name].shows('cameras', other, colours[other])
  }
  for (const publisher of ['angele', 'lea']) {
    await seats[publisher].until(async () => (await window.me.sent()).join() === '240,480', null, `${publisher} sends two sizes`)
    const receivers = names.filter((name) => name !== publisher)
    // One of the two turns while the other stays with the large size, then the other way round.
    for (const receiver of receivers) {
      const steady = receivers.find((name) => name !== receiver)
      for (const [shown, height] of [
        [180, 240],
        [720, 480],
        [180, 240],
        [720, 480],
      ]) {
        await seats[receiver].run(([publisher, shown]) => window.me.want(publisher, shown), [publisher, shown])
        await seats[receiver].receives(publisher, height)
        await seats[receiver].receives(publisher, height, (await seats[receiver].frames(publisher)) + FRAMES)
        await seats[steady].receives(publisher, 480, await seats[steady].frames(publisher))
        await seats[receiver].shows('cameras', publisher, colours[publisher])
      }
    }
  }
  for (const name of names) {
    const { frames, bypassed, offers } = await seats[name].run(() => ({ frames: window.me.frames, bypassed: window.me.bypassed, offers: window.me.offers }))
    assert.equal(bypassed, undefined, `nothing passed by the encryption of ${name}`)
    assert.equal(frames.passed, 0, `nothing of ${name} went in clear`)
    assert.ok(frames.sealed > 0 && frames.opened > 0, `${name} sealed and opened: ${JSON.stringify(frames)}`)
    assert.equal(offers.filter(({ fresh }) => fresh).length, 1, `nothing was begun anew for ${name}`)
  }
  await close()
})

test('sound is redundant where everybody has it, and goes on when somebody comes who has not', async () => {
  const { join, close } = await hall.hearing('redundancy', colours, { abilities: 'own', sealed: true, sound: true })
  const angele = await join('angele')
  const jean = await join('jean')
  for (const [seat, other] of [
    [angele, 'jean'],
    [jean, 'angele'],
  ]) {
    await comesAs(seat, other, 'audio/red')
    await hears(seat, other)
  }
  const lea = await join('lea', { firefox: true })
  for (const [seat, other] of [
    [angele, 'jean'],
    [jean, 'angele'],
    [lea, 'jean'],
    [angele, 'lea'],
  ]) {
    await comesAs(seat, other, 'audio/opus')
    await hears(seat, other)
  }
  // And again once she went.
  await lea.run(() => window.me.say({ type: 'leave' }))
  await comesAs(jean, 'angele', 'audio/red')
  await hears(jean, 'angele')
  for (const seat of [angele, jean]) assert.equal(await seat.run(() => window.me.bypassed), undefined)
  await close()
})
