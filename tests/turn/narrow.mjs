// An officer behind a link that grows narrow and wide again, a citizen elsewhere,
// the whole service between them. On the narrow link the voice goes on, the image
// yields: the citizen's page is told to send less, and minds it; where even the
// least is too much, the image is held back, the officer reads why, and nobody's
// page begins its connection anew. On the wide link the image comes back.
//
// Run by tests/turn.sh. How long each step took is printed, never judged.

import { join } from 'node:path'
import { Driver } from '../browser/driver.mjs'
import { assertQuiet, launchChromium, person } from '../browser/lib.mjs'
import { expect, hears, keepConnections, media, people } from '../browser/people.mjs'
import { folder, startProxy, startRelay, startResolver, startService, stopAll, sure } from './lab.mjs'

const base = 'https://plainte.test'
/** Less than two voices and an image need, more than the voices. */
const NARROW = '150kbit'
/** The page's own bound on a camera, and what is clearly a limit of the node's. */
const [WHOLE_BITS, LIMITED_BITS] = [1_200_000, 400_000]
/** An image comes back by careful steps, ever more patient after each vain one. */
const LIMIT_MS = 240_000
/** Of the voice that is listened to on the narrow link: so long, and so much of it real. */
const VOICE_SECONDS = 15
const REAL_SHARE = 0.8

/** Runs in the page: what the camera may be sent at, at most: its large size, where two were agreed. */
const cameraBound = () => {
  const sender = window.vpConnections.at(-1).getSenders().find(({ track }) => track?.kind === 'video')
  return sender?.getParameters().encodings.at(-1)?.maxBitrate ?? Infinity
}

/** Runs in the page: the voice that was played so far, in seconds, and how much of that was invented. */
const voice = async () => {
  const sum = { played: 0, invented: 0 }
  for (const entry of (await window.vpConnections.at(-1).getStats()).values()) {
    if (entry.type !== 'inbound-rtp' || entry.kind !== 'audio') continue
    sum.played += entry.totalSamplesReceived / 48_000
    sum.invented += entry.concealedSamples / 48_000
  }
  return sum
}

/** Runs in the page: whether somebody's image is shown, and how many of its frames were so far. */
const image = () => {
  const { dataset } = document.querySelector('[data-stage] [data-participant]')
  return { shown: !('noImage' in dataset), frames: Number(dataset.framesDecoded ?? 0) }
}

/** Waits for what a page's function says, as long as an image may take to come back. */
async function until(driver, look, isSo, what) {
  const limit = performance.now() + LIMIT_MS
  let seen
  for (;;) {
    seen = await driver.page.evaluate(look)
    if (isSo(seen)) return seen
    expect(performance.now() < limit, `${what}, not ${JSON.stringify(seen)}`)
  }
}

/** The link to the officer, from now on. */
const narrow = () => sure('router', 'tc', 'qdisc', 'replace', 'dev', 'office', 'root', 'tbf', 'rate', NARROW, 'burst', '4kb', 'latency', '300ms')
const widen = () => sure('router', 'tc', 'qdisc', 'delete', 'dev', 'office', 'root')

async function main() {
  await startResolver()
  await startRelay()
  await startProxy()
  const { media: node, service } = await startService()
  const env = { ...process.env, HOME: join(folder, 'home') }
  const home = await launchChromium({ env })
  const office = await launchChromium({ env, executablePath: join(folder, 'chromium-at-office') })
  const watches = []
  const side = async (browser, name) => {
    const made = await person(browser, 'desktop', { permissions: ['camera', 'microphone'], ignoreHTTPSErrors: false })
    watches.push(made.watch)
    await made.page.addInitScript(keepConnections)
    return { name, driver: new Driver(made.page, false) }
  }
  try {
    const officer = await side(office, 'officer')
    const citizen = await side(home, 'citizen')
    await people(base).meet(citizen.driver, officer.driver)
    for (const { name, driver } of [citizen, officer]) await hears(driver, `the ${name}, on a wide link`)
    await until(citizen.driver, cameraBound, (bits) => bits === WHOLE_BITS, 'the camera is sent whole')
    const restarts = () => Promise.all([citizen, officer].map(({ driver }) => driver.data(media, 'restarts')))
    const before = await restarts()

    await narrow()
    let began = performance.now()
    const took = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
    const bits = await until(citizen.driver, cameraBound, (bits) => bits <= LIMITED_BITS, 'the citizen is told to send less')
    console.log(`${NARROW}: the camera is sent at ${bits} bits a second at most, after ${took()}`)
    await until(officer.driver, image, ({ shown }) => !shown, 'the image is held back')
    console.log(`${NARROW}: the image is held back, after ${took()}`)
    expect(/son|sound/.test(await officer.driver.text('[data-stage] [data-note]')), 'the officer reads why')

    const from = await officer.driver.page.evaluate(voice)
    const to = await until(officer.driver, voice, ({ played }) => played >= from.played + VOICE_SECONDS, 'the voice goes on')
    const real = 1 - (to.invented - from.invented) / (to.played - from.played)
    console.log(`${NARROW}: ${(100 * real).toFixed(1)} % of the voice came`)
    expect(real >= REAL_SHARE, `the voice goes on: ${real}`)
    await hears(citizen.driver, 'the citizen, whose own link is wide')

    await widen()
    began = performance.now()
    const { frames } = await until(officer.driver, image, ({ shown }) => shown, 'the image is let go again')
    await until(officer.driver, image, (now) => now.shown && now.frames > frames + 50, 'the image moves')
    console.log(`wide again: the image moves after ${took()}`)
    await until(citizen.driver, cameraBound, (bits) => bits === WHOLE_BITS, 'the camera is sent whole again')
    console.log(`wide again: the camera is sent whole after ${took()}`)
    for (const { name, driver } of [citizen, officer]) await hears(driver, `the ${name}, on a wide link again`)
    expect(String(await restarts()) === String(before), `nobody began anew: ${before} and then ${await restarts()}`)
    for (const watch of watches) assertQuiet(watch)
  } catch (error) {
    for (const one of [node, service]) console.error((await one.words()).split('\n').slice(-30).join('\n'))
    throw error
  } finally {
    await Promise.all([home.close(), office.close()])
  }
}

try {
  await main()
  console.log('the voice went on, the image yielded and came back')
} finally {
  await stopAll()
}
