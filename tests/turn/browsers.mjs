// A citizen behind a firewall that closes one way after the other, an officer
// elsewhere, the whole service between them as compose runs it. Each time
// picture and sound of both sides grow, and the way they take is the one that
// was left open. When none is left, the page says so.
//
// Run by tests/turn.sh, at the citizen's place. How long a way took to be found
// is printed, never judged.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Driver } from '../browser/driver.mjs'
import { assertQuiet, launchChromium, launchFirefox, person, watchPage } from '../browser/lib.mjs'
import { expect, hears, people, testDevices } from '../browser/people.mjs'
import { addresses, firewall, folder, relayIsAt, startProxy, startRelay, startResolver, startService, stopAll } from './lab.mjs'

const base = 'https://plainte.test'
/** Ordinary people's browsers: nothing about certificates is forgiven. */
const honest = { ignoreHTTPSErrors: false }

/** Runs in the page, before its own scripts: keeps what would tell the way. */
const keepConnections = () => {
  window.vpConnections = []
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given)
      window.vpConnections.push(this)
    }
  }
}

/** Runs in the page: the pair in use. */
const pairInUse = async () => {
  const report = new Map()
  for (const [id, entry] of await window.vpConnections.at(-1).getStats()) report.set(id, entry)
  const all = [...report.values()]
  const chosen = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId
  const pair = report.get(chosen) ?? all.find(({ type, selected, nominated, state }) => type === 'candidate-pair' && (selected || (nominated && state === 'succeeded')))
  const local = report.get(pair?.localCandidateId)
  const remote = report.get(pair?.remoteCandidateId)
  return { type: local?.candidateType, relayProtocol: local?.relayProtocol, to: `${remote?.address ?? remote?.ip}:${remote?.port}`, rttMs: Math.round((pair?.currentRoundTripTime ?? 0) * 1000) }
}

/** The four ways, from the best to the last, and what closes all before them. */
const ways = [
  { name: 'nothing is blocked', relayProtocol: undefined, blocks: [] },
  { name: 'no UDP to the media nodes', relayProtocol: 'udp', blocks: [`ip daddr ${addresses.server} meta l4proto udp`] },
  { name: 'no UDP at all', relayProtocol: 'tcp', blocks: ['meta l4proto udp'] },
  { name: 'nothing but TCP 443', relayProtocol: 'tls', blocks: ['meta l4proto udp', 'tcp dport != 443'] },
]
const lastWay = ways.at(-1)

async function main() {
  await startResolver()
  await startRelay()
  await startProxy()
  const { media, service } = await startService()
  const env = { ...process.env, HOME: join(folder, 'home') }
  const home = await launchChromium({ env })
  const office = await launchChromium({ env, executablePath: join(folder, 'chromium-at-office') })
  let fox
  const watches = []
  const side = async (browser, name, size) => {
    const made = await person(browser, size, { permissions: ['camera', 'microphone'], ...honest })
    watches.push(made.watch)
    await made.page.addInitScript(keepConnections)
    return { name, driver: new Driver(made.page, false) }
  }
  try {
    const { admit, book, enter, openHearing } = people(base)
    const officer = await side(office, 'officer', 'desktop')
    const citizen = await side(home, 'citizen', 'phone')
    await firewall()
    const id = await book(citizen.driver)
    await openHearing(officer.driver, id)
    await citizen.driver.go(`${base}/audition/${id}`)
    await citizen.driver.follow('form[action$="/entrer"] button')
    await enter(citizen.driver)
    await admit(officer.driver)
    await citizen.driver.until(() => document.querySelector('[data-call]').dataset.state === 'in', null, 'the citizen is admitted')

    for (const way of ways) await takes(way, citizen, officer)
    for (const watch of watches) assertQuiet(watch)
  } catch (error) {
    for (const one of [media, service]) console.error((await one.words()).split('\n').slice(-30).join('\n'))
    throw error
  } finally {
    await Promise.all([home.close(), office.close(), fox?.close()])
  }
}

/** The citizen loads the page anew behind that firewall, and joins. */
async function takes({ name, relayProtocol, blocks }, citizen, officer, load = () => citizen.driver.go(citizen.driver.page.url())) {
  const stopped = await firewall(...blocks)
  await load()
  await testDevices(citizen.driver)
  const began = performance.now()
  await citizen.driver.press('[data-act="join"]')
  await citizen.driver.until(() => document.querySelector('[data-call]').dataset.connectionState === 'connected', null, `${name}: a way is found`)
  const found = Math.round(performance.now() - began)
  await Promise.all([citizen, officer].map((one) => hears(one.driver, `${name}: the ${one.name}`)))
  const pair = await citizen.driver.page.evaluate(pairInUse)
  console.log(`${name}: ${JSON.stringify(pair)}, found in ${found} ms; stopped: ${await stopped()}`)
  expect((pair.type === 'relay') === (relayProtocol !== undefined), `${name}: by the relay or not: ${JSON.stringify(pair)}`)
  expect(relayProtocol === undefined || pair.relayProtocol === relayProtocol, `${name}: ${relayProtocol}, not ${JSON.stringify(pair)}`)
  expect(pair.to === `${addresses.server}:41000`, `${name}: to the media node, not ${pair.to}`)
  for (const [index, count] of (await stopped()).entries()) expect(count > 0, `${name}: ${blocks[index]} has stopped something`)
}

try {
  await main()
  console.log('every way leads in')
} finally {
  await stopAll()
}
