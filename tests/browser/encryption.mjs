// End-to-end encryption between real browsers, over the real media node, with a
// hostile server between them:
//
//   node tests/browser/encryption.mjs
//
// For every lie that the server tells: the check words differ, or the page says
// that the call is not protected, or nothing that can be read is sent. What must
// never happen is a call that both pages show as protected, with equal words,
// while they do not share their keys. A tap on what the node forwards decodes
// nothing, and decodes the same call in clear, so that it is known to work.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Driver } from './driver.mjs'
import { assertAccessible, assertQuiet, assertReflows, launchChromium, launchFirefox, person, watchPage } from './lib.mjs'
import { expect, hears, keepConnections, media, people, sealed, testDevices } from './people.mjs'
import { freePort } from '../free-port.mjs'
import { root, startService } from './service.mjs'

/** Runs in the page: how the call is shown to be protected. */
const protection = () => {
  const { words, framesSealed, framesOpened, framesPassed, framesHeld } = document.querySelector('[data-call]').dataset
  const box = document.querySelector('[data-sealing]')
  return { kind: box.dataset.sealing, sentence: box.hidden ? '' : box.querySelector('[data-text="sealing"]').textContent, words, counts: [framesSealed, framesOpened, framesPassed, framesHeld].map(Number) }
}

const shown = (driver) => driver.page.evaluate(protection)
const isShown = (kinds) => kinds.includes(document.querySelector('[data-sealing]')?.dataset.sealing)
const hasWords = () => /^\S+ \S+ \S+ \S+$/.test(document.querySelector('[data-call]')?.dataset.words ?? '')
/** Runs in the page: a count of frames has grown by so much since it was first asked. */
const frames = ([name, by, mark]) => {
  const now = Number(document.querySelector('[data-call]')?.dataset[name] ?? 0)
  if (window.vpFrames?.mark !== mark) window.vpFrames = { mark, from: now }
  return now >= window.vpFrames.from + by
}
let marks = 0
const grows = (driver, name, by, what) => driver.until(frames, [name, by, ++marks], what)

/** In the tap's page the browser gets what the node forwards, as it is. */
const tap = () => {
  Object.defineProperty(RTCRtpReceiver.prototype, 'transform', { get: () => null, set: () => undefined })
}

/** Runs in the tap's page: frames of video that came in, and those that could be decoded. */
const tapped = async () => {
  const sum = { received: 0, decoded: 0 }
  for (const connection of window.vpConnections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp' || report.kind !== 'video') continue
      sum.received += report.framesReceived ?? 0
      sum.decoded += report.framesDecoded ?? 0
    }
  }
  return sum
}

/** Runs in a page: the brightness of a small copy of a video's picture, or nothing when there is no picture. */
const brightness = (selector) => {
  const video = document.querySelector(selector)
  if (video === null || video.videoWidth === 0) return undefined
  const canvas = document.createElement('canvas')
  const [width, height] = [(canvas.width = 32), (canvas.height = 18)]
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0, width, height)
  const { data } = context.getImageData(0, 0, width, height)
  return Array.from({ length: width * height }, (_, at) => data[4 * at] + data[4 * at + 1] + data[4 * at + 2])
}

/** How alike two pictures are: 1 for the same, about 0 for two that have nothing in common. */
function likeness(one, other) {
  if (one === undefined || other === undefined) return 0
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [a, b] = [mean(one), mean(other)]
  const product = (f) => one.reduce((sum, _, at) => sum + f(one[at] - a, other[at] - b), 0)
  const spread = Math.sqrt(product((x) => x * x) * product((_, y) => y * y))
  return spread === 0 ? 0 : product((x, y) => x * y) / spread
}

async function main(base, tell) {
  const chromium = await launchChromium()
  const fox = await launchFirefox()
  const watches = []
  const someone = async (size) => {
    const made = await person(chromium, size, { permissions: ['camera', 'microphone'] })
    watches.push(made.watch)
    return { driver: new Driver(made.page, false), context: made.context }
  }
  const inFirefox = async () => {
    const page = await fox.browser.newPage()
    watches.push(watchPage(page))
    return { driver: new Driver(page, true) }
  }
  try {
    const { meet } = people(base)
    const citizen = (await someone('phone')).driver
    const { driver: officer, context: officerContext } = await someone('desktop')
    const id = await meet(citizen, officer)
    const both = [citizen, officer]

    /** Both pages anew, under that lie. */
    const under = async (lie, sides = both) => {
      await Promise.all(sides.map((driver) => driver.go('about:blank')))
      await tell(lie)
      await Promise.all(
        sides.map(async (driver) => {
          await driver.go(driver === sides[0] ? `${base}/audition/${id}` : `${base}/agent/audition/${id}`)
          await testDevices(driver)
          await driver.press('[data-act="join"]')
          await driver.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, `${lie}: in`)
        }),
      )
    }
    const tells = async (driver, kinds, what) => {
      await driver.until(isShown, kinds, `${what}: shown as ${kinds.join(' or ')}`)
      const { kind, sentence, words } = await shown(driver)
      expect(sentence !== '', `${what}: in words`)
      expect(kind === 'sealed' || words === '', `${what}: no check words without protection`)
      return sentence
    }

    // Nobody lies: equal words, sound and image.
    for (const driver of both) await hears(driver, 'honest')
    console.log(`honest: « ${await sealed(both, 'honest')} »`)
    for (const driver of both) {
      await grows(driver, 'framesOpened', 20, 'honest: frames are opened')
      const { counts } = await shown(driver)
      expect(counts[2] === 0, 'honest: nothing went in clear')
    }

    // The man in the middle: each page has a sound group, with him.
    await under('middle')
    for (const driver of both) await driver.until(hasWords, null, 'man in the middle: words are shown')
    const [hers, his] = await Promise.all(both.map(shown))
    expect(hers.words !== his.words, `man in the middle: the words differ (${hers.words})`)
    console.log(`man in the middle: « ${hers.words} » and « ${his.words} »`)

    // The tap, on the citizen's line: it gets all and decodes nothing.
    const ear = await chromium.newContext({ storageState: await citizen.page.context().storageState(), permissions: ['camera', 'microphone'], locale: 'fr-FR' })
    const tapper = new Driver(await ear.newPage(), false)
    await tapper.page.addInitScript(keepConnections)
    await tapper.page.addInitScript(tap)
    await citizen.go('about:blank')
    await under('middle', [tapper, officer])
    await tapper.until(hasWords, null, 'tap: the page is in a group')
    await grows(officer, 'framesSealed', 200, 'tap: the officer sends')
    const overhears = async (what) => {
      await tapper.until(
        async () => {
          const reports = (await Promise.all(window.vpConnections.map((connection) => connection.getStats()))).flatMap((stats) => [...stats.values()])
          return reports.some(({ type, kind, packetsReceived }) => type === 'inbound-rtp' && kind === 'video' && packetsReceived > 300)
        },
        null,
        `tap: packets of ${what} come`,
      )
      const { received, decoded } = await tapper.page.evaluate(tapped)
      const like = likeness(await tapper.page.evaluate(brightness, '.vp-call__tile video'), await officer.page.evaluate(brightness, '.vp-call__self video'))
      console.log(`tap: ${what}: ${decoded} of ${received} frames decoded, likeness of the picture ${like.toFixed(2)}`)
      return { share: decoded / received, like }
    }
    const deaf = await overhears('an encrypted call')
    // The decoder may take noise behind a header in clear for a picture, once in a while; a picture of noise.
    expect(deaf.share < 0.2 && deaf.like < 0.5, 'tap: nothing is seen of an encrypted call')
    await under('strip', [tapper, officer])
    await hears(tapper, 'tap: the same tap decodes a call in clear')
    const overheard = await overhears('a call in clear')
    expect(overheard.share > 0.5 && overheard.like > 0.5, 'tap: it sees a call in clear, so it is one')
    await ear.close()

    // The capability is taken away: both say so, with the reason.
    await under('strip_citizen')
    for (const driver of both) console.log(`strip: ${await tells(driver, ['clear'], 'strip')}`)
    expect((await shown(officer)).sentence.includes('Usager') && (await shown(citizen)).sentence.includes('serveur'), 'strip: each is told the reason')
    for (const driver of both) await hears(driver, 'strip: the call goes on')
    for (const driver of both) {
      await assertAccessible(driver.page, 'a call in clear')
      await assertReflows(driver.page, 'a call in clear')
    }
    await under('deny_to_officer')
    await tells(officer, ['clear'], 'denied to the officer alone')
    console.log(`denied to the officer alone: ${(await shown(officer)).sentence}; the citizen: ${(await shown(citizen)).sentence}`)
    await grows(citizen, 'framesHeld', 20, 'denied to the officer alone: the citizen holds frames')
    expect((await shown(citizen)).counts[2] === 0, 'denied to the officer alone: the citizen sends nothing in clear')

    // The state lies about who is there.
    for (const lie of ['rename', 'hide', 'withhold_keys']) {
      await under(lie)
      for (const driver of both) {
        await tells(driver, ['refused'], lie)
        await grows(driver, 'framesHeld', 20, `${lie}: frames are held`)
        const { counts } = await shown(driver)
        expect(counts[0] === 0 && counts[2] === 0, `${lie}: nothing readable was sent (${counts})`)
      }
      console.log(`${lie}: ${(await shown(citizen)).sentence}`)
    }

    // Steps held back: no side shows words that the other has without its keys.
    for (const lie of ['withhold_from_author', 'withhold_from_others']) {
      await under(lie)
      await Promise.race(both.map((driver) => tells(driver, ['refused'], lie)))
      const [one, other] = await Promise.all(both.map(shown))
      expect(!(one.kind === 'sealed' && other.kind === 'sealed'), `${lie}: not both protected`)
      expect(one.counts[2] + other.counts[2] === 0, `${lie}: nothing in clear`)
      console.log(`${lie}: ${one.kind} « ${one.words} » and ${other.kind} « ${other.words} »`)
    }

    // Old steps again, as they were and as the one that is due.
    await under('honest')
    const before = await sealed(both, 'before the replay')
    const { replayed } = await tell('replay')
    expect(replayed > 5, `steps to play again, not ${replayed}`)
    for (const driver of both) await hears(driver, 'after the replay')
    const after = await sealed(both, 'after the replay')
    console.log(`${replayed} steps replayed: « ${before} » before, « ${after} » after`)

    // Both browsers in both roles.
    const foxOfficer = (await inFirefox()).driver
    await officer.go('about:blank')
    const cookies = await officerContext.cookies(base)
    for (const { name, value, path, httpOnly, sameSite } of cookies) await fox.browser.setCookie({ name, value, domain: new URL(base).hostname, path, httpOnly, sameSite, secure: false })
    await under('honest', [citizen, foxOfficer])
    for (const driver of [citizen, foxOfficer]) await hears(driver, 'Chromium for the citizen, Firefox for the officer')
    console.log(`Chromium for the citizen, Firefox for the officer: « ${await sealed([citizen, foxOfficer], 'Firefox')} »`)
    for (const watch of watches) assertQuiet(watch)
  } finally {
    await chromium.close()
    await fox.close()
  }
}

const [port, servicePort] = [await freePort(), await freePort()]
const base = `http://localhost:${port}`
const service = await startService({ port: servicePort, base })
const liar = spawn(process.execPath, [join(root, 'tests/browser/hostile-server.mjs'), String(port), String(servicePort)], { stdio: ['ignore', 'pipe', 'inherit'] })
await new Promise((ready, fail) => {
  liar.stdout.once('data', ready)
  liar.once('exit', () => fail(new Error('the hostile server did not start')))
})
const tell = async (lie) => (await fetch(`${base}/hostile/${lie}`, { method: 'POST' })).json()
try {
  await main(base, tell)
  console.log('no lie went unseen')
} catch (error) {
  console.error((await service.log()).split('\n').slice(-20).join('\n'))
  throw error
} finally {
  liar.kill()
  await service.stop()
}
