// A call that comes back by itself, in two Chromium:
//
//   node tests/browser/recovery.mjs [http://localhost:8080]
//
// The media node is killed several times, the whole service once, the citizen's
// network goes and returns, each side looks away and loads its page anew. After each,
// picture and sound of both sides grow again, without a click; a page loaded
// anew needs the join button. How long each took is printed, never judged.
//
// VP_SERVICE_PID is the service's process and VP_SERVICE_RESTART a shell command
// that starts it again in the background, on the same port and data. Without
// them this script runs a service of its own, on a free port and a new folder.

import { spawn, spawnSync } from 'node:child_process'
import { openSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.mjs'
import { Driver } from './driver.mjs'
import { assertQuiet, launchChromium, person } from './lib.mjs'
import { expect, hears, keepConnections, media, people, testDevices } from './people.mjs'

const NODE_KILLS = 5
const LIMIT_MS = 60_000
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** The service under test: where it is, its process, how to start it again, how to put it away. */
async function theService() {
  const { VP_SERVICE_PID: pid, VP_SERVICE_RESTART: command } = process.env
  if (pid !== undefined && command !== undefined) {
    expect(process.argv[2] !== undefined, 'the address of the service is given')
    const restart = () =>
      new Promise((done, fail) => {
        const shell = spawn('bash', ['-c', command], { stdio: 'inherit' })
        shell.on('error', fail)
        shell.on('exit', (code) => (code === 0 ? done() : fail(new Error(`VP_SERVICE_RESTART ended with ${code}`))))
      })
    return { base: process.argv[2], pid: () => Number(pid), restart, stop: async () => undefined, log: async () => '' }
  }
  return ownService()
}

async function ownService() {
  const folder = await mkdtemp(join(tmpdir(), 'visioplainte-recovery-'))
  const port = await freePort()
  const binary = process.env.VISIOPLAINTE_BIN ?? join(root, 'target/debug/visioplainte')
  const env = { PATH: process.env.PATH, NO_COLOR: '1', VISIOPLAINTE_DATA_DIR: join(folder, 'data'), VISIOPLAINTE_LISTEN: `127.0.0.1:${port}`, VISIOPLAINTE_MEDIA_PORTS: '[0]' }
  for (const command of ['migrate', 'seed']) {
    const { status, stderr } = spawnSync(binary, [command], { cwd: root, env, encoding: 'utf8' })
    expect(status === 0, `${command}: ${stderr}`)
  }
  const logFile = join(folder, 'service.log')
  let process_
  const start = async () => {
    const log = openSync(logFile, 'a')
    process_ = spawn(binary, ['serve'], { cwd: root, env, stdio: ['ignore', log, log] })
  }
  const stop = async () => {
    process_.kill('SIGINT')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  await start()
  return { base: `http://localhost:${port}`, pid: () => process_.pid, restart: start, stop, log: () => readFile(logFile, 'utf8') }
}

async function ready(base) {
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    const answer = await fetch(`${base}/ready`).catch(() => undefined)
    if (answer?.ok) return
    expect(Date.now() < limit, `${base}/ready: ${answer?.status ?? 'no answer'}`)
    await pause(50)
  }
}

/** The media node: the one child of the service that is called so. */
async function mediaNode(service) {
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    const found = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === service && wordsOf(entry)[1] === 'media')
    if (found.length === 1) return Number(found[0])
    expect(Date.now() < limit, `one media node under process ${service}, not ${found.length}`)
    await pause(20)
  }
}

/** A process may end between being listed and being read. */
function ofProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function parentOf(pid) {
  // The program's name stands in brackets and may hold anything.
  return Number(ofProcess(pid, 'stat').replace(/^.*\) /s, '').split(' ')[1])
}

function wordsOf(pid) {
  return ofProcess(pid, 'cmdline').split('\0')
}

/** Runs in the page: how many lines to the node it has had. */
const linesMoreThan = (before) => {
  const { state, connections } = document.querySelector('[data-call]').dataset
  return state === 'in' && Number(connections) > before
}

/** Runs in the page: a picture of somebody else has been drawn since `mark` was first asked about. */
const picture = (mark) => {
  const drawn = [...document.querySelectorAll('[data-participant] video')].reduce((sum, video) => sum + video.getVideoPlaybackQuality().totalVideoFrames, 0)
  const since = window.vpPicture?.mark === mark ? window.vpPicture : { mark, last: drawn, grown: false }
  since.grown ||= drawn > since.last
  since.last = drawn
  window.vpPicture = since
  return since.grown
}

/** Runs in the page: what is sent is bounded, and the voice comes first. */
const voiceFirst = () => {
  const sent = (window.vpConnections.at(-1)?.getSenders() ?? []).filter(({ track }) => track !== null)
  const encoding = (kind) => sent.find(({ track }) => track.kind === kind)?.getParameters().encodings[0]
  return encoding('audio')?.priority === 'high' && encoding('video')?.priority === 'low' && encoding('video').maxBitrate <= 1_500_000
}

let marks = 0

/** Breaks something and waits until those sides are on a new line and see and hear the other. */
async function breaks(what, sides, act) {
  const before = await Promise.all(sides.map(async ({ driver }) => Number(await driver.data(media, 'connections'))))
  await act()
  const began = performance.now()
  const back = await Promise.all(
    sides.map(async ({ driver, name }, index) => {
      await driver.until(linesMoreThan, before[index], `${what}: the ${name} has a new line`)
      const line = performance.now() - began
      marks += 1
      await driver.until(picture, marks, `${what}: the ${name} sees the other again`)
      return `${name} line ${Math.round(line)} ms, picture ${Math.round(performance.now() - began)} ms`
    }),
  )
  await flows(what, sides)
  console.log(`${what}: ${back.join('; ')}`)
}

async function flows(what, sides) {
  await Promise.all(sides.map(({ driver, name }) => hears(driver, `${what}: the ${name}`)))
}

/** Loads one side's page anew; that side presses the join button, the other nothing. */
async function reloads(side, sides) {
  const what = `the ${side.name}'s page is loaded anew`
  await side.driver.go(side.driver.page.url())
  await testDevices(side.driver)
  const began = performance.now()
  await side.driver.press('[data-act="join"]')
  await side.driver.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, `${what}: in again`)
  const back = await Promise.all(
    sides.map(async ({ driver, name }) => {
      marks += 1
      await driver.until(picture, marks, `${what}: the ${name} sees the other again`)
      return `${name} picture ${Math.round(performance.now() - began)} ms`
    }),
  )
  await flows(what, sides)
  console.log(`${what}: ${back.join('; ')}`)
}

/** What one side does is told to the other: the line works both ways. */
async function muteIsTold(what, citizen, officer) {
  const muted = (wanted) => /coupé|muted/i.test(document.querySelector('[data-stage]').innerText) === wanted
  await citizen.press('[data-act="mute"]')
  await officer.until(muted, true, `${what}: the officer sees that the citizen is muted`)
  await citizen.press('[data-act="mute"]')
  await officer.until(muted, false, `${what}: the officer sees that the citizen speaks`)
}

/** Runs in the page: as when another tab covers it, which no browser of a test ever does. */
const cover = (covered) => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (covered ? 'hidden' : 'visible') })
  document.dispatchEvent(new Event('visibilitychange'))
}

/** Runs in the page: two seconds of voice came, and not a packet of an image. */
const onlyVoiceComes = async () => {
  const now = { audio: 0, video: 0 }
  for (const entry of (await window.vpConnections.at(-1).getStats()).values()) {
    if (entry.type === 'inbound-rtp') now[entry.kind] += entry.packetsReceived
  }
  const since = window.vpVoice
  if (since?.video !== now.video) window.vpVoice = now
  return since?.video === now.video && now.audio >= since.audio + 100
}

/** A page that nobody looks at is sent no image, and has one at once when it is looked at. */
async function looksAway({ driver, name }, sides) {
  await driver.page.evaluate(cover, true)
  await driver.until(onlyVoiceComes, null, `the ${name} looks away: the voice goes on without an image`)
  await driver.page.evaluate(cover, false)
  const began = performance.now()
  marks += 1
  await driver.until(picture, marks, `the ${name} looks again: the image is back`)
  console.log(`the ${name} looks again: picture ${Math.round(performance.now() - began)} ms`)
  await flows(`the ${name} looks again`, sides)
}

async function main(service) {
  const chromium = await launchChromium()
  const watches = []
  const side = async (name, size) => {
    const made = await person(chromium, size, { permissions: ['camera', 'microphone'] })
    watches.push(made.watch)
    await made.page.addInitScript(keepConnections)
    return { name, context: made.context, driver: new Driver(made.page, false) }
  }
  try {
    const { meet } = people(service.base)
    const citizen = await side('citizen', 'phone')
    const officer = await side('officer', 'desktop')
    const sides = [citizen, officer]
    await meet(citizen.driver, officer.driver)
    await flows('the call', sides)
    for (const { driver, name } of sides) await driver.until(voiceFirst, null, `the ${name} prefers voice and bounds the image`)

    for (let kill = 1; kill <= NODE_KILLS; kill++) {
      await breaks(`SIGKILL of the media node, ${kill}`, sides, async () => process.kill(await mediaNode(service.pid()), 'SIGKILL'))
    }
    await breaks('SIGKILL of the service', sides, async () => {
      process.kill(service.pid(), 'SIGKILL')
      await service.restart()
    })

    // The browser cuts the line and lets packets of media through, so this is
    // the line's own recovery; the node's deaths above were those of both.
    await breaks('the citizen was offline until the page said so', [citizen], async () => {
      await citizen.context.setOffline(true)
      await citizen.driver.until(() => document.querySelector('[data-call]').dataset.state === 'reconnecting', null, 'the citizen is told')
      await citizen.context.setOffline(false)
    })
    await flows('the citizen was offline', sides)
    await muteIsTold('the citizen was offline', citizen.driver, officer.driver)

    for (const one of sides) await looksAway(one, sides)
    for (const one of sides) await reloads(one, sides)

    // Leaving and coming back takes the same lines of the other side again.
    for (let round = 1; round <= 3; round++) {
      await citizen.driver.press('[data-act="leave"]')
      await citizen.driver.until(() => document.querySelector('[data-call]').dataset.state === 'ended', null, 'the citizen left')
      await citizen.driver.press('[data-act="rejoin"]')
      await citizen.driver.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the citizen is back')
      await flows(`the citizen left and came back, ${round}`, sides)
      await reloads(citizen, sides)
    }
    const restarts = await Promise.all(sides.map(async ({ driver, name }) => `${name} ${(await driver.data(media, 'restarts')) ?? 0}`))
    console.log(`fresh peer connections that a page asked for since its last load: ${restarts.join(', ')}`)
    for (const watch of watches) assertQuiet(watch)
  } finally {
    await chromium.close()
  }
}

const service = await theService()
try {
  await ready(service.base)
  await main(service)
  console.log('the call came back each time')
} catch (error) {
  console.error((await service.log()).split('\n').slice(-40).join('\n'))
  throw error
} finally {
  await service.stop()
}
